import { takeBaselines } from '@colophon/core';
import { type BaselineSink, ColophonError } from '@colophon/protocol';
import { PostgresBaselines } from '@colophon/store';
import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { contents, replayExactly } from './replay.js';

const MAJOR = Number(process.env.PG_MAJOR ?? 18) as Major;

let server: PostgresServer;
let database: TrackedDatabase;

beforeAll(async () => {
  // A commit that waits for a standby that never comes holds up every other one: so a server of its own.
  server = await launchPostgres({ native: nativeDir(MAJOR) });
  database = await trackDatabase(
    server.url(),
    `CREATE TABLE todo (id int PRIMARY KEY, title text);
     INSERT INTO todo SELECT i, 'todo ' || i FROM generate_series(1, 6) i;
     CREATE TABLE no_key (v text);
     INSERT INTO no_key VALUES ('a'), ('a'), ('b');
     CREATE TABLE changing (id int PRIMARY KEY, v text);
     INSERT INTO changing SELECT i, 'v' FROM generate_series(1, 6) i;
     CREATE TYPE pair AS (a int, b int);
     CREATE FUNCTION pair_cmp(pair, pair) RETURNS int IMMUTABLE LANGUAGE sql AS
       'SELECT CASE WHEN ($1).a = ($2).a THEN 0 WHEN ($1).a > ($2).a THEN -1 ELSE 1 END';
     ${[
       ['<', '< 0'],
       ['<=', '<= 0'],
       ['=', '= 0'],
       ['>=', '>= 0'],
       ['>', '> 0'],
     ]
       .map(
         ([name, test], place) =>
           `CREATE FUNCTION pair_${place}(pair, pair) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT pair_cmp($1, $2) ${test}';
            CREATE OPERATOR ${name} (LEFTARG = pair, RIGHTARG = pair, FUNCTION = pair_${place});`,
       )
       .join('\n')}
     CREATE OPERATOR CLASS pair_ops DEFAULT FOR TYPE pair USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,
       OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 pair_cmp(pair, pair);
     CREATE TABLE paired (id pair PRIMARY KEY);
     INSERT INTO paired SELECT ROW(i, 0)::pair FROM generate_series(1, 6) i;`,
    { tables: 'todo,no_key,changing,paired' },
  );
});
afterAll(async () => {
  await database?.drop();
  await server?.stop();
});

interface Hooks {
  begin?: () => Promise<void>;
  beginChunk?: () => Promise<void>;
  write?: () => Promise<void>;
  endChunk?: () => Promise<void>;
}

/** A copier whose sink does something at a moment of its own choice, before the store does its part. */
function take(tables: string[], chunkRows: number, hooks: Hooks = {}) {
  const store = new PostgresBaselines({ url: database.url });
  const sink: BaselineSink = {
    open: (source) => store.open(source),
    progress: (table) => store.progress(table),
    begin: async (table) => {
      await hooks.begin?.();
      return store.begin(table);
    },
    beginChunk: async (chunk) => {
      await hooks.beginChunk?.();
      return store.beginChunk(chunk);
    },
    write: async (rows) => {
      await hooks.write?.();
      return store.write(rows);
    },
    endChunk: async (end) => {
      await store.endChunk(end);
      await hooks.endChunk?.();
    },
    close: () => store.close(),
  };
  return takeBaselines({
    source: database.url,
    slot: database.slot,
    tables: tables.map((name) => ({ schema: 'public', name })),
    sink,
    chunkRows,
    timeoutMs: 20_000,
  });
}

async function check(table: string): Promise<void> {
  await database.once();
  await database.client.query("SET TimeZone = 'UTC'");
  const { rows } = await database.client.query(
    'SELECT max(baseline) AS baseline, "table", schema, partition FROM colophon.baseline WHERE "table" = $1 GROUP BY 2, 3, 4',
    [table],
  );
  expect(await replayExactly(database.client, rows[0])).toEqual(await contents(database.client, rows[0]));
}

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  return client;
}

it('a commit that stands in the log, but that nobody sees yet, is not in the copy', async () => {
  const { client } = database;
  await client.query("ALTER SYSTEM SET synchronous_commit = 'local'");
  await client.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  await client.query('SELECT pg_reload_conf()');
  const writer = await connect();
  let committing: Promise<unknown> = Promise.resolve();
  await take(['no_key'], 100, {
    begin: async () => {
      await until(client, "SELECT current_setting('synchronous_standby_names') = 'nobody' AS is_so");
      await writer.query('SET synchronous_commit = on');
      committing = writer.query("INSERT INTO no_key VALUES ('b'), ('unseen')");
      await until(
        client,
        "SELECT count(*) = 1 AS is_so FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()",
      );
      // What is committed after it, and seen before it.
      await client.query("INSERT INTO no_key VALUES ('seen')");
    },
  });
  await client.query('ALTER SYSTEM RESET synchronous_standby_names');
  await client.query('SELECT pg_reload_conf()');
  await committing;
  await writer.end();
  const { rows } = await client.query(
    `SELECT b.after ->> 'v' AS v FROM colophon.baseline b WHERE b."table" = 'no_key' ORDER BY 1`,
  );
  expect(rows.map(({ v }) => v)).toEqual(['a', 'a', 'b', 'seen']);
  await check('no_key');
  const { rows: judged } = await client.query(
    `SELECT c.after ->> 'v' AS v, c.commit_lsn < h.low_lsn AS before_low, colophon.is_in_baseline(c.timeline, c.commit_lsn,
       c.transaction_id, h.timeline, h.low_lsn, h.high_lsn, h.snapshot) AS is_in
     FROM colophon.changes c, colophon.baseline_chunks h JOIN colophon.baselines b ON b.id = h.baseline_id
     WHERE c."table" = 'no_key' AND b."table" = 'no_key' ORDER BY 1`,
  );
  // By positions alone it would have been counted twice or lost.
  expect(judged).toEqual([
    { v: 'b', before_low: true, is_in: false },
    { v: 'seen', before_low: true, is_in: true },
    { v: 'unseen', before_low: true, is_in: false },
  ]);
});

it('rows that move across chunks between two of them, and a TRUNCATE between them', async () => {
  const { client } = database;
  let ended = 0;
  await take(['todo'], 2, {
    endChunk: async () => {
      if (++ended !== 1) return;
      await client.query('UPDATE todo SET id = 100 WHERE id = 1');
      await client.query('UPDATE todo SET id = 0 WHERE id = 6');
      await client.query("UPDATE todo SET title = 'new' WHERE id IN (2, 3)");
      await client.query('DELETE FROM todo WHERE id = 4');
    },
  });
  await check('todo');
  ended = 0;
  await take(['todo'], 2, {
    endChunk: async () => {
      if (++ended !== 1) return;
      await client.query("TRUNCATE todo; INSERT INTO todo SELECT i, 'again' FROM generate_series(1, 9) i");
    },
  });
  await check('todo');
});

it.each([
  ['todo', 4],
  ['no_key', 4],
])('nobody who writes to %s waits for its copy', async (table, chunkRows) => {
  const writer = await connect();
  let writes = 0;
  await take([table], chunkRows, {
    // The transaction at the source is open, the rows are on their way.
    write: async () => {
      if (writes++ > 0) return;
      await writer.query("SET lock_timeout = '1ms'");
      const set = table === 'todo' ? "title = 'w'" : "v = 'w'";
      await writer.query(`BEGIN; UPDATE ${table} SET ${set}; DELETE FROM ${table}; ROLLBACK`);
      await writer.query(`UPDATE ${table} SET ${set}`);
      await writer.query(`BEGIN; LOCK TABLE ${table} IN EXCLUSIVE MODE; COMMIT`);
    },
  });
  expect(writes).toBeGreaterThan(0);
  await writer.end();
  await check(table);
});

it.each([
  ['ALTER TABLE changing ADD COLUMN w int DEFAULT 7', 'changing was altered'],
  ['ALTER TABLE changing ALTER v TYPE varchar(10)', 'changing was altered'],
  [
    'ALTER TABLE changing RENAME TO changed; ALTER TABLE changed RENAME TO changing; ALTER TABLE changing RENAME w TO x',
    'altered',
  ],
  ['ALTER TABLE changing RENAME TO changed; CREATE TABLE changing (id int PRIMARY KEY, v text)', 'altered'],
  ['DROP TABLE changing', 'changing was dropped'],
])('%s between two chunks: said, and begun anew where it is another', async (sql, message) => {
  const { client } = database;
  let ended = 0;
  const taking = take(['changing', 'paired'], 2, {
    endChunk: async () => {
      if (++ended === 1) await client.query(sql);
    },
  });
  await expect(taking).rejects.toMatchObject({
    code: 'BASELINE_INCOMPLETE',
    message: expect.stringContaining(message),
  });
  const names = (
    await client.query(
      "SELECT relname FROM pg_class WHERE relname IN ('changing', 'changed') AND relkind = 'r'",
    )
  ).rows;
  if (names.length === 2) await client.query('DROP TABLE changing; ALTER TABLE changed RENAME TO changing');
  if (names.length === 0) return;
  // Renamed back it is what it was.
  const isResumed = names.length === 2;
  expect(await take(['changing'], 2)).toMatchObject([{ rows: 6n, chunks: 4, isResumed }]);
  await check('changing');
});

it('a key in an order of its own is read in one piece: by other operators rows would be left out', async () => {
  expect(await take(['paired'], 2)).toMatchObject([{ rows: 6n, chunks: 1 }]);
  const { rows } = await database.client.query(
    `SELECT after FROM colophon.baseline WHERE baseline = (SELECT max(baseline) FROM colophon.baseline WHERE "table" = 'paired') ORDER BY place`,
  );
  expect(rows.map(({ after }) => after.id.a).sort()).toEqual([1, 2, 3, 4, 5, 6]);
});

it('one copier a source at a time', async () => {
  let second: unknown;
  await take(['paired'], 2, {
    begin: async () => {
      second = await take(['paired'], 2).catch((error: unknown) => error);
    },
  });
  expect(second).toBeInstanceOf(ColophonError);
  expect(second).toMatchObject({ code: 'STORE_BUSY', retryable: true });
});

it('is_in_baseline: ids are a circle, positions tell its turns apart', async () => {
  const ask = async (
    xid: number,
    lsn: string,
    timeline = 1,
    snapshot = '4294967290:4294967300:4294967291,4294967298',
  ) =>
    (
      await database.client.query(
        `SELECT colophon.is_in_baseline($1, $2, $3, 1, '10/0', '10/1000', $4) AS is_in`,
        [timeline, lsn, xid, snapshot],
      )
    ).rows[0].is_in;
  // Seen: below xmin, and between, across the end of the circle.
  expect(await ask(4294967289, '10/500')).toBe(true);
  expect(await ask(4294967290, 'F/FFFFFFF0')).toBe(true);
  expect(await ask(1 + 2, '10/500')).toBe(true);
  // Under way at that moment, wherever its commit stands; and begun later.
  expect(await ask(4294967291, 'F/FFFFFFF0')).toBe(false);
  expect(await ask(4294967291, 'F/1')).toBe(false);
  expect(await ask(2, '10/500')).toBe(false);
  expect(await ask(4, '10/500')).toBe(false);
  expect(await ask(5, '10/500')).toBe(false);
  // Of another turn of the circle: far away in the log.
  expect(await ask(4294967291, 'E/0')).toBe(true);
  expect(await ask(5, 'E/0')).toBe(true);
  expect(await ask(4294967289, '10/1000')).toBe(false);
  expect(await ask(4294967289, '12/0')).toBe(false);
  // Of another timeline.
  expect(await ask(5, '10/500', 0)).toBe(true);
  expect(await ask(4294967289, '10/500', 2)).toBe(false);
  // In a cluster's first days.
  expect(await ask(800, '0/500', 1, '790:801:')).toBe(true);
  expect(await ask(4294967290, '10/500', 1, '790:801:')).toBe(true);
});

async function until(client: pg.Client, sql: string): Promise<void> {
  while ((await client.query(sql)).rows[0].is_so !== true) await client.query('SELECT pg_sleep(0.01)');
}
