import pg from 'pg';

/** Runs SQL on a connection of its own, without Colophon: as somebody in psql. */
export async function sql(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
