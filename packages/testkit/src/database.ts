import pg from 'pg';

let counter = 0;

/** Creates a database of its own on the server and gives its URL. Template: an empty one unless named; only `template0` takes an encoding. */
export async function createDatabase(
  serverUrl: string,
  template?: string,
  encoding?: string,
): Promise<string> {
  const name = `t_${process.pid}_${Date.now().toString(36)}_${counter++}`;
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    const from = template === undefined ? '' : ` TEMPLATE ${template}`;
    const as = encoding === undefined ? '' : ` ENCODING '${encoding}'`;
    await client.query(`CREATE DATABASE ${name}${from}${as}`);
  } finally {
    await client.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Drops a database made by `createDatabase`, with the slots in it. Fails where a slot is still in use: a leaked consumer. */
export async function dropDatabase(databaseUrl: string): Promise<void> {
  const url = new URL(databaseUrl);
  const name = url.pathname.slice(1);
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    const { rows } = await client.query(
      'SELECT slot_name, active FROM pg_replication_slots WHERE database = $1',
      [name],
    );
    for (const slot of rows) {
      if (slot.active)
        throw new Error(`slot ${slot.slot_name} of ${name} is still in use: a consumer leaked`);
      await client.query('SELECT pg_drop_replication_slot($1)', [slot.slot_name]);
    }
    await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
  } finally {
    await client.end();
  }
}
