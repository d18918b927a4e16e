import pg from 'pg';

/** A committed row as the consumer's rule names it. */
export interface NamedRow {
  readonly table: string;
  readonly text: string;
  readonly context: string;
}

const MESSAGE = /^message: transactional: 1 prefix: (.*?), sz: \d+ content:([\s\S]*)$/;
const ROW = /^table ([^:]+): (?:INSERT|UPDATE|DELETE|TRUNCATE)/;

/** A logical slot of test_decoding, read with a client of its own that nothing instruments. */
export async function openSlot(url: string, name: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("SELECT pg_create_logical_replication_slot($1, 'test_decoding')", [name]);
  return {
    client,
    /** Everything committed since the last call, each row with the context that stitching gives it. */
    async rows(prefix = 'colophon'): Promise<NamedRow[]> {
      const { rows } = await client.query('SELECT data FROM pg_logical_slot_get_changes($1, NULL, NULL)', [
        name,
      ]);
      const named: NamedRow[] = [];
      let transaction: string[] = [];
      for (const { data } of rows as { data: string }[]) {
        if (data.startsWith('BEGIN')) transaction = [];
        else if (data.startsWith('COMMIT')) named.push(...stitch(transaction, prefix));
        else transaction.push(data);
      }
      return named;
    },
    /** The raw entries since the last call. */
    async entries(): Promise<string[]> {
      const { rows } = await client.query('SELECT data FROM pg_logical_slot_get_changes($1, NULL, NULL)', [
        name,
      ]);
      return rows.map((row) => row.data);
    },
    async close(): Promise<void> {
      await client.query('SELECT pg_drop_replication_slot($1)', [name]);
      await client.end();
    },
  };
}

function stitch(entries: readonly string[], prefix: string): NamedRow[] {
  const parsed = entries.map((text) => {
    const message = MESSAGE.exec(text);
    return message === null
      ? { text, table: ROW.exec(text)?.[1] }
      : { text, prefix: message[1], content: message[2] };
  });
  const isEmission = (entry: (typeof parsed)[number]) =>
    entry.prefix === prefix || entry.prefix === `${prefix}.trail`;
  return parsed.flatMap((entry, at) => {
    if (entry.table === undefined) return [];
    const next = parsed.slice(at).find(isEmission);
    const last = parsed.slice(0, at).findLast(isEmission);
    const context = next?.prefix === `${prefix}.trail` ? next.content : (last?.content ?? '{}');
    return [{ table: entry.table, text: entry.text, context: context! }];
  });
}
