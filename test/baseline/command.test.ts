import { openStore } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { colophon, type Finished, startColophon } from '../cli/colophon.js';

// Many commands to a test: on a busy machine each takes seconds.
vi.setConfig({ testTimeout: 180_000 });

let url: string;
let client: pg.Client;
let args: string[];

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`
    CREATE TABLE todo (id int PRIMARY KEY, title text, data json);
    INSERT INTO todo VALUES (1, 'milk', '{"a": 1.10, "z": "\\u0000"}'), (2, E'tab\\tnew\\nline\\\\N', null);
    CREATE TABLE late (id int PRIMARY KEY, v text);
    CREATE TABLE big (id bigint PRIMARY KEY, v text);
    INSERT INTO big SELECT i, repeat('x', 200) FROM generate_series(1, 4000) i;
    CREATE TABLE secret (id int PRIMARY KEY, owner text);
    CREATE TABLE bare ();
    INSERT INTO bare DEFAULT VALUES;
    CREATE VIEW todos AS SELECT * FROM todo;
    CREATE TABLE empty_root (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE part (day int, id int, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
    CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (2);
    CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (2) TO (3);
    INSERT INTO part VALUES (1, 1), (2, 1), (2, 2);`);
  args = ['--source', url, '--slot', `colophon_${new URL(url).pathname.slice(1)}`];
});
afterAll(async () => {
  await client.end();
  await dropDatabase(url);
});

const run = (...words: string[]): Promise<Finished> => colophon([...words, ...args]);
const json = (finished: Finished) =>
  finished.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('colophon snapshot', () => {
  it('needs a slot that keeps what comes after', async () => {
    expect((await run('snapshot', 'todo')).stderr).toMatch(/\[PUBLICATION_MISSING\]\n$/);
  });

  it('init --snapshot copies what it tracks, once', async () => {
    const init = ['init', '--tables', 'todo,part,bare,empty_root', '--yes', '--snapshot'];
    const first = await run(...init);
    expect(first).toMatchObject({ code: 0, stdout: '' });
    expect(first.stderr).toContain('✓ todo: baseline of 2 rows\n');
    expect(first.stderr).toContain('✓ part (partition part_2): baseline of 2 rows\n');
    const again = await run(...init);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stderr).not.toContain('baseline of');
    const { rows } = await client.query(
      `SELECT "table", partition, primary_key, key, after FROM colophon.baseline ORDER BY "table", partition, primary_key`,
    );
    expect(rows).toEqual([
      { table: 'bare', partition: null, primary_key: null, key: {}, after: {} },
      ...[
        ['part_1', 1, 1],
        ['part_2', 2, 1],
        ['part_2', 2, 2],
      ].map(([partition, day, id]) => ({
        table: 'part',
        partition,
        primary_key: `{"id": ${id}, "day": ${day}}`,
        key: { day, id },
        after: { day, id },
      })),
      {
        table: 'todo',
        partition: null,
        primary_key: '1',
        key: { id: 1 },
        // jsonb can't hold it: as a change would have it.
        after: { id: 1, title: 'milk', data: '{"a": 1.10, "z": "\\u0000"}' },
      },
      {
        table: 'todo',
        partition: null,
        primary_key: '2',
        key: { id: 2 },
        after: { id: 2, title: 'tab\tnew\nline\\N', data: null },
      },
    ]);
  });

  it('has each row as a CREATE record of it would', async () => {
    await client.query('INSERT INTO todo SELECT id + 10, title, data FROM todo');
    expect(await run('run', '--once')).toMatchObject({ code: 0 });
    const { rows } = await client.query(
      `SELECT count(*)::int AS same FROM colophon.baseline b JOIN colophon.changes c ON c."table" = 'todo' AND b."table" = 'todo'
         AND c.after - 'id' = b.after - 'id' AND c.primary_key::int = b.primary_key::int + 10 AND c.schema = b.schema
         AND c.source = b.source AND c.environment = b.environment AND c.database = b.database AND c.timeline = b.timeline`,
    );
    expect(rows).toEqual([{ same: 2 }]);
  });

  it('copies a table that is tracked later, after those who were writing to it have ended', async () => {
    const writer = new pg.Client({ connectionString: url });
    await writer.connect();
    // Written before the table was published: in no stream.
    await writer.query("BEGIN; INSERT INTO late VALUES (1, 'early')");
    expect(await run('init', '--tables', 'late', '--replica-identity', 'default', '--yes')).toMatchObject({
      code: 0,
    });
    const refused = await run('snapshot', '--timeout', '500ms');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toMatch(/^colophon: late: 1 transaction has been writing to it.*\[TIMEOUT\]\n$/m);
    const waiting = startColophon(['snapshot', '--json', ...args]);
    await untilItLooks(client);
    await writer.query('COMMIT');
    await writer.end();
    expect(json(await waiting.finished)).toEqual([
      { schema: 'public', table: 'late', partition: null, rows: 1, chunks: 1, resumed: false },
    ]);
    const nothing = await run('snapshot');
    expect(nothing).toMatchObject({ code: 0 });
    expect(nothing.stderr).toContain('Every tracked table has a baseline already.');
  });

  it('is continued after SIGKILL, at any moment, and then has each row once', async () => {
    expect(await run('init', '--tables', 'big', '--yes')).toMatchObject({ code: 0 });
    const chunks = async (): Promise<number> =>
      (
        await client.query(
          `SELECT count(*)::int AS n FROM colophon.baseline_chunks c JOIN colophon.baselines b ON b.id = c.baseline_id WHERE b."table" = 'big'`,
        )
      ).rows[0].n;
    for (const wanted of [1, 4, 11]) {
      const running = startColophon(['snapshot', 'big', '--chunk-rows', '100', ...args]);
      while ((await chunks()) < wanted && running.child.exitCode === null)
        await client.query('SELECT pg_sleep(0.01)');
      running.child.kill('SIGKILL');
      expect(await running.finished).toMatchObject({ signal: 'SIGKILL' });
      await client.query('UPDATE big SET v = $1 WHERE id % 7 = 0', [`after ${wanted}`]);
    }
    expect(
      (await client.query(`SELECT count(*)::int AS n FROM colophon.baseline WHERE "table" = 'big'`)).rows,
    ).toEqual([{ n: 0 }]);
    const last = await run('snapshot', 'big', '--chunk-rows', '100', '--json');
    expect(json(last)).toMatchObject([{ table: 'big', rows: 4000, chunks: 41, resumed: true }]);
    const { rows } = await client.query(
      `SELECT count(*)::int AS n, count(DISTINCT primary_key)::int AS keys, count(DISTINCT baseline)::int AS baselines,
         count(DISTINCT snapshot::text) > 3 AS several FROM colophon.baseline WHERE "table" = 'big'`,
    );
    expect(rows).toEqual([{ n: 4000, keys: 4000, baselines: 1, several: true }]);
  });

  it('ends at SIGTERM with what is whole, and says how it goes on', async () => {
    const running = startColophon(['snapshot', 'big', '--chunk-rows', '1', ...args]);
    for (let n = 0; n === 0; ) {
      n = (
        await client.query(
          'SELECT count(*)::int AS n FROM colophon.baseline_chunks WHERE baseline_id = (SELECT max(id) FROM colophon.baselines) AND NOT is_last AND rows = 1',
        )
      ).rows[0].n;
    }
    running.child.kill('SIGTERM');
    const stopped = await running.finished;
    expect(stopped).toMatchObject({ code: 1 });
    expect(stopped.stderr).toMatch(
      /Stopped before all rows were copied: run it again.*\[BASELINE_INCOMPLETE\]\n$/,
    );
    const status = await run('status', '--json');
    const { baselines } = JSON.parse(status.stdout);
    expect(baselines.filter(({ table }: { table: string }) => table === 'big')).toMatchObject([
      { complete: true, rows: 4000 },
      { complete: false },
    ]);
    expect((await run('status')).stdout).toMatch(/Baseline +.*big: begun .*, \d+ rows so far/);
    expect(json(await run('snapshot', '--json'))).toMatchObject([
      { table: 'big', rows: 4000, resumed: true },
    ]);
  });

  it.each([
    [['nothing'], 'TABLE_MISSING', /No such table: nothing/],
    [['secret'], 'TABLE_MISSING', /secret isn't tracked/],
    [['todos'], 'TABLE_UNSUITABLE', /todos is no table/],
    [['todo', '--chunk-rows', '0'], 'INVALID_OPTION', /--chunk-rows/],
    [['todo', '--slot', 'no_such_slot'], 'SLOT_MISSING', /no_such_slot/],
    [['todo', '--publication', 'no_such'], 'PUBLICATION_MISSING', /no_such/],
  ])('refuses %j with %s, in one line', async (words, code, text) => {
    const refused = await colophon(['snapshot', ...args, ...words]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(text);
    expect(refused.stderr).toMatch(new RegExp(`^colophon: [^\\n]*\\[${code}\\]\\n$`));
  });

  it('refuses what its role sees only in part, or not at all', async () => {
    expect(await run('init', '--tables', 'secret', '--yes')).toMatchObject({ code: 0 });
    const role = `reader_${new URL(url).pathname.slice(1)}`;
    await client.query(`
      INSERT INTO secret VALUES (1, '${role}'), (2, 'somebody');
      CREATE ROLE ${role} LOGIN PASSWORD 'reader';
      ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
      CREATE POLICY own ON secret USING (owner = current_user);`);
    const asReader = new URL(url);
    asReader.username = role;
    asReader.password = 'reader';
    const snapshot = ['snapshot', 'secret', ...args, '--source', asReader.href, '--store', url];
    try {
      const unreadable = await colophon(snapshot);
      expect(unreadable.stderr).toMatch(
        /^colophon: secret can't be read: GRANT SELECT ON TABLE .*\[PRIVILEGE_MISSING\]\n$/,
      );
      await client.query(`GRANT SELECT ON secret TO ${role}`);
      const filtered = await colophon(snapshot);
      expect(filtered.stderr).toMatch(/^colophon: secret has row security .*\[PRIVILEGE_MISSING\]\n$/);
      await client.query('ALTER TABLE secret DISABLE ROW LEVEL SECURITY');
      // Neither REPLICATION nor ownership: SELECT will do.
      expect((await colophon(snapshot)).stderr).toContain('✓ secret: baseline of 2 rows');
    } finally {
      await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it('openStore lists baselines and reads their rows', async () => {
    const store = await openStore(url);
    try {
      const baselines = await store.baselines();
      const todo = baselines.find(({ table }) => table === 'todo')!;
      expect(todo).toMatchObject({
        isComplete: true,
        rows: 2n,
        chunks: 1,
        schema: 'public',
        partition: null,
      });
      const rows = [];
      for await (const row of store.baselineRows(todo.baseline)) rows.push(row);
      expect(rows.map(({ after }) => after.title)).toEqual(['milk', 'tab\tnew\nline\\N']);
      const big = baselines.find(({ table }) => table === 'big')!;
      let count = 0;
      for await (const row of store.baselineRows(big.baseline))
        count += row.primary_key === String(row.after.id) ? 1 : 0;
      expect(count).toBe(4000);
      const one = [];
      for await (const row of store.baselineRows(big.baseline, { primaryKey: '77' })) one.push(row.keyJson);
      expect(one).toEqual(['{"id": 77}']);
    } finally {
      await store.close();
    }
  });
});

/** Until the command looks who is writing. */
async function untilItLooks(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'colophon snapshot' AND query LIKE '%pg_locks%'",
    );
    if (rows.length > 0) return;
  }
}
