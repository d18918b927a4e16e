import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import copyStreams from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import other from 'pg-other-copy';
import QueryStream from 'pg-query-stream';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';

const CONTEXT = { user: `O'Reilly \\ */ $1 -- "\u{1f600}é\ud800\0`, long: 'x'.repeat(500) };

const SCHEMA = `
  CREATE TABLE parent (id int PRIMARY KEY);
  CREATE TABLE t (id serial PRIMARY KEY, v text, n int CHECK (n > 0), p int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE u (a int UNIQUE, b text);
  CREATE VIEW w AS SELECT id, v FROM t;
  CREATE FUNCTION writes(x text) RETURNS int LANGUAGE sql AS 'INSERT INTO t (v) VALUES (x) RETURNING id';
  CREATE FUNCTION notices(x text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'note %', x; INSERT INTO t (v) VALUES (x); RAISE WARNING 'warned'; RETURN x; END $$;
  CREATE FUNCTION fails() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t (v) VALUES ('gone'); RAISE EXCEPTION 'failed' USING ERRCODE = 'P0042', DETAIL = 'd', HINT = 'h'; END $$;
  CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t (v) VALUES ('one'); COMMIT; INSERT INTO t (v) VALUES ('two'); END $$;
`;

type Query =
  | string
  | { text: string; values?: unknown[]; name?: string; rowMode?: 'array'; [key: string]: unknown };

/** Each is sent in its turn on one connection; what comes back, and what is then in the tables, must be the same. */
const SCRIPT: Query[] = [
  'SELECT 1 AS one',
  "INSERT INTO t (v, n) VALUES ('a', 1)",
  "INSERT INTO t (v, n) VALUES ('b', 2) RETURNING *",
  { text: 'INSERT INTO t (v, n) VALUES ($1, $2) RETURNING id, v, n', values: ['c', 3] },
  { text: 'INSERT INTO t (v, n) VALUES ($1, $2)', values: ['d', null], name: 'ins' },
  { text: 'INSERT INTO t (v, n) VALUES ($1, $2)', values: ['e', 5], name: 'ins' },
  { text: 'INSERT INTO t (v, n) VALUES ($1, $2)', values: ['f', -5], name: 'ins' },
  { text: 'INSERT INTO t (v, n) VALUES ($1, $2)', values: ['g', 7], name: 'ins' },
  { text: 'INSERT INTO missing VALUES ($1)', values: [1], name: 'bad' },
  { text: 'INSERT INTO missing VALUES ($1)', values: [1], name: 'bad' },
  { text: 'SELECT * FROM t WHERE id = $1', values: [1], rowMode: 'array' },
  { text: 'SELECT writes($1)', values: ['fn'] },
  "SELECT writes('fn2')",
  { text: 'SELECT writes($1) AS x', values: ['fn3'], name: 'fn' },
  { text: 'SELECT writes($1) AS x', values: ['fn4'], name: 'fn' },
  "SELECT notices('n1')",
  { text: 'SELECT notices($1)', values: ['n2'] },
  'SELECT fails()',
  { text: 'SELECT fails() WHERE $1 = 1', values: [1] },
  "UPDATE t SET v = v || '!' WHERE n > 1",
  { text: 'UPDATE t SET v = $1 WHERE id = $2 RETURNING id', values: ['z', 99999] },
  { text: 'DELETE FROM t WHERE id = ANY($1)', values: [[1, 2]] },
  'TRUNCATE u',
  "WITH x AS (INSERT INTO t (v) VALUES ('cte') RETURNING v) SELECT * FROM x",
  "MERGE INTO u USING (VALUES (1)) s(a) ON u.a = s.a WHEN NOT MATCHED THEN INSERT VALUES (s.a, 'm')",
  "INSERT INTO u VALUES (1, 'dup') ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING *",
  "INSERT INTO u VALUES (1, 'dup')",
  "INSERT INTO w (v) VALUES ('through view')",
  "INSERT INTO t (v) VALUES ('syntax'",
  'INSERT INTO t (nope) VALUES (1)',
  '/* é😀 */ INSERT INTO t (nope) VALUES (1)',
  { text: 'INSERT INTO t (nope) VALUES ($1)', values: [1] },
  'SELEC 1',
  "SELECT '\u{1f600}', nope FROM t",
  '',
  ';',
  '-- nothing',
  'INSERT INTO t (p) VALUES (12345)',
  { text: 'INSERT INTO t (p) VALUES ($1)', values: [12345] },
  'SELECT writes($$x$$); INSERT INTO t (p) VALUES (9)',
  'INSERT INTO t (v) VALUES ($1)',
  { text: "INSERT INTO t (v) VALUES ('x'); SELECT 1 WHERE $1 = 1", values: [1] },
  "SELECT 1; INSERT INTO t (v) VALUES ('multi') RETURNING v; SELECT count(*)::int FROM u",
  "INSERT INTO t (v) VALUES ('m1'); INSERT INTO t (v) VALUES ('m2')",
  "INSERT INTO t (v) VALUES ('😀'); INSERT INTO t (nope) VALUES (1)",
  "SELECT writes('s1'); SELECT writes('s2'); SELECT nope",
  "SELECT writes('s3'); SELECT writes('s4'); DELETE FROM u WHERE a = 77",
  'SELECT 1; SELECT 2',
  ";;SELECT 1;;INSERT INTO t (v) VALUES ('semicolons');;",
  'BEGIN',
  "SELECT writes('tx')",
  "INSERT INTO t (v) VALUES ('tx2')",
  'SAVEPOINT a',
  'INSERT INTO t (nope) VALUES (1)',
  "INSERT INTO t (v) VALUES ('aborted')",
  { text: 'INSERT INTO t (v) VALUES ($1)', values: ['aborted'] },
  'SELECT 1',
  'ROLLBACK TO a',
  "INSERT INTO t (v) VALUES ('after')",
  'COMMIT',
  'BEGIN ISOLATION LEVEL SERIALIZABLE',
  'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
  'SHOW transaction_isolation',
  'COMMIT',
  "BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; INSERT INTO t (v) VALUES ('iso'); COMMIT",
  'BEGIN READ ONLY',
  "INSERT INTO t (v) VALUES ('read only')",
  'ROLLBACK',
  'BEGIN READ ONLY',
  "SELECT writes('read only')",
  'ROLLBACK',
  'BEGIN',
  'INSERT INTO t (p) VALUES (4711)',
  'COMMIT',
  'BEGIN',
  "INSERT INTO t (v) VALUES ('chained')",
  'COMMIT AND CHAIN',
  "INSERT INTO t (v) VALUES ('chained 2')",
  'ROLLBACK AND CHAIN',
  "SELECT writes('chained 3')",
  'END',
  'BEGIN',
  'BEGIN',
  "INSERT INTO t (v) VALUES ('twice begun')",
  'COMMIT',
  'COMMIT',
  'CALL commits()',
  "DO $$ BEGIN INSERT INTO t (v) VALUES ('do'); COMMIT; INSERT INTO t (v) VALUES ('do2'); END $$",
  "DO $$ BEGIN RAISE EXCEPTION 'in do'; END $$",
  'BEGIN; CALL commits(); COMMIT',
  'ROLLBACK',
  'VACUUM t',
  { text: 'VACUUM t', values: [] },
  'BEGIN; VACUUM t; COMMIT',
  'ROLLBACK',
  'CREATE INDEX CONCURRENTLY t_v ON t (v)',
  'DROP INDEX CONCURRENTLY t_v',
  'CREATE TABLE c (id int)',
  'CREATE TABLE d AS SELECT * FROM u',
  'SELECT 5 AS five INTO e',
  'ALTER TABLE c ADD x int DEFAULT 3',
  'DROP TABLE c, d, e',
  'CREATE TEMP TABLE tmp AS SELECT 1 AS a; INSERT INTO tmp VALUES (2); SELECT * FROM tmp',
  "CREATE FUNCTION atomic() RETURNS void LANGUAGE sql BEGIN ATOMIC INSERT INTO t (v) VALUES ('atomic'); END",
  'SELECT atomic()',
  'DROP FUNCTION atomic()',
  'PREPARE pr (text) AS INSERT INTO t (v) VALUES ($1) RETURNING v',
  "EXECUTE pr ('executed')",
  'DEALLOCATE pr',
  'DISCARD ALL',
  "INSERT INTO t (v) VALUES ('after discard')",
  "SELECT writes('after discard')",
  "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) INSERT INTO t (v) VALUES ('explained')",
  'EXPLAIN (COSTS OFF) DELETE FROM t',
  "BEGIN; DECLARE cu CURSOR FOR SELECT writes('cursor')",
  'FETCH ALL FROM cu',
  'CLOSE cu',
  'COMMIT',
  'LOCK TABLE t',
  'BEGIN; LOCK TABLE t IN SHARE MODE',
  'SELECT id FROM t ORDER BY id LIMIT 1 FOR UPDATE',
  'ROLLBACK',
  'SET standard_conforming_strings = off',
  "INSERT INTO t (v) VALUES ('a\\'; INSERT INTO t (v) VALUES (1); --')",
  'RESET standard_conforming_strings',
  "SET client_encoding = 'LATIN1'",
  "INSERT INTO t (v) VALUES ('latin')",
  'RESET client_encoding',
  "SELECT current_setting('application_name')",
  'LISTEN ch',
  "NOTIFY ch, 'payload'",
  "SELECT pg_notify('ch', 'by function')",
  'SELECT 1/0',
  { text: 'SELECT $1::int / 0', values: [1] },
  { text: 'SELECT $1::int', values: ['x'] },
  { text: 'INSERT INTO t (v) VALUES ($1)', values: [] },
  { text: 'INSERT INTO t (v) VALUES ($1)', values: ['x', 'y'] },
  { text: 'VALUES (writes($1))', values: ['v'] },
  { text: 'TABLE u', values: [] },
  {
    text: "INSERT INTO t (v) VALUES ('types') RETURNING id, now() = now() AS same",
    types: { getTypeParser: () => (x: unknown) => `<${String(x)}>` },
  },
  { text: "INSERT INTO t (v) VALUES ('portal') RETURNING v", queryMode: 'extended' },
  'SELECT count(*)::int, max(id) FROM t',
];

interface Outcome {
  results: unknown[];
  events: string[];
  tables: unknown;
}

const VOLATILE_FIELDS = new Set(['tableID', 'length', 'processId', 'stack']);

/** Everything about it but object ids and the stack, which differ from database to database and from call to call. */
function plainly(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, part) => {
      if (VOLATILE_FIELDS.has(key) || key.startsWith('_') || key === 'dataTypeModifier') return undefined;
      if (part instanceof Error) return { ...part, message: part.message, name: part.constructor.name };
      if (Buffer.isBuffer(part)) return part.toString('hex');
      return typeof part === 'bigint' ? String(part) : typeof part === 'function' ? part.name : part;
    }) ?? 'null',
  );
}

const asContext = (fn: () => unknown) => runWithContext(CONTEXT, fn);

async function runScript(
  url: string,
  ClientClass: typeof pg.Client,
  config: object,
  isInstrumented: boolean,
): Promise<Outcome> {
  const client = new ClientClass({ connectionString: url, ...config });
  if (isInstrumented) instrument(client);
  await client.connect();
  const events: string[] = [];
  for (const event of ['notice', 'notification', 'error', 'end'] as const) {
    (client as unknown as NodeJS.EventEmitter).on(
      event,
      (given?: { message?: string; payload?: string; code?: string; severity?: string }) =>
        events.push(`${event} ${given?.severity} ${given?.code} ${given?.message ?? given?.payload ?? ''}`),
    );
  }
  const results: unknown[] = [];
  for (const query of SCRIPT) {
    const ask = () =>
      client.query(
        typeof query === 'string' ? query : ({ ...query, values: query.values ?? [] } as pg.QueryConfig),
      );
    const answer = isInstrumented ? (asContext(ask) as Promise<unknown>) : ask();
    results.push(plainly(await answer.catch((error: unknown) => ({ thrown: error }))));
    events.push('-');
  }
  const { rows } = await client.query('SELECT v, n, p FROM t ORDER BY id');
  await client.end();
  return { results, events, tables: rows };
}

let urls: [string, string];
beforeEach(async () => {
  urls = [await createDatabase(inject('serverUrl')), await createDatabase(inject('serverUrl'))];
  for (const url of urls) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(SCHEMA);
    await client.end();
  }
});
afterEach(async () => {
  for (const url of urls) await dropDatabase(url);
});

describe(`${SCRIPT.length} queries give the same results, fields, errors, notices and events with a context as without Colophon`, () => {
  for (const [name, Class, config] of [
    ['text', pg.Client, {}],
    ['binary', pg.Client, { binary: true }],
    ['pg 8.16', other.Client as unknown as typeof pg.Client, {}],
  ] as const) {
    it(name, async () => {
      const plain = await runScript(urls[0], Class, config, false);
      const ours = await runScript(urls[1], Class, config, true);
      for (const [at, query] of SCRIPT.entries()) {
        expect({ query, result: ours.results[at] }).toEqual({ query, result: plain.results[at] });
      }
      expect(ours.events).toEqual(plain.events);
      expect(ours.tables).toEqual(plain.tables);
    });
  }
});

it('gives cursors, streams and copies the same', async () => {
  const seen = [];
  for (const [at, url] of urls.entries()) {
    const client = new pg.Client({ connectionString: url });
    if (at === 1) instrument(client);
    await client.connect();
    const run = (fn: () => Promise<unknown>) => (at === 1 ? asContext(fn) : fn()) as Promise<unknown>;
    const log: unknown[] = [];
    await run(async () => {
      for (const text of [
        'INSERT INTO u SELECT n, $1 FROM generate_series(1, 10) n RETURNING a',
        'SELECT writes($1) FROM generate_series(1, 10)',
        'SELECT n, $1 FROM generate_series(1, 10) n',
        'INSERT INTO u VALUES (1, $1)',
      ]) {
        for (const closesEarly of [false, true]) {
          const cursor = client.query(new Cursor(text, [`c${closesEarly}`]));
          try {
            log.push(await cursor.read(3));
            if (!closesEarly) log.push(await cursor.read(100));
            await cursor.close();
          } catch (error) {
            log.push(plainly({ thrown: error }));
          }
          await client.query('DELETE FROM u');
        }
        const rows: unknown[] = [];
        const stream = client.query(new QueryStream(text, ['s'], { batchSize: 4 }));
        try {
          for await (const row of stream) rows.push(row);
        } catch (error) {
          log.push(plainly({ thrown: error }));
        }
        log.push(rows);
      }
      await client.query('DELETE FROM u');
      for (const transaction of [false, true]) {
        if (transaction) await client.query('BEGIN');
        const from = client.query(copyStreams.from('COPY u FROM STDIN'));
        await pipeline(
          Readable.from(['21\tx\n22\ty\n'].map((line) => line.replaceAll('2', transaction ? '3' : '2'))),
          from,
        );
        log.push(from.rowCount);
        for (const text of [
          'COPY u TO STDOUT',
          "COPY (SELECT writes('copied')) TO STDOUT",
          'COPY (DELETE FROM u RETURNING a) TO STDOUT',
        ]) {
          const chunks: Buffer[] = [];
          for await (const chunk of client.query(copyStreams.to(text))) chunks.push(chunk as Buffer);
          log.push(
            Buffer.concat(chunks)
              .toString()
              .replace(/^\d+$/m, transaction ? 'n' : 'm'),
          );
        }
        if (transaction) await client.query('COMMIT');
      }
      const bad = client.query(copyStreams.from('COPY u FROM STDIN'));
      await pipeline(Readable.from(['not a number\tx\n']), bad).catch((error) =>
        log.push(plainly({ thrown: error })),
      );
      const missing = client.query(copyStreams.from('COPY missing FROM STDIN'));
      await pipeline(Readable.from(['1\n']), missing).catch((error) => log.push(plainly({ thrown: error })));
      log.push((await client.query('SELECT count(*)::int FROM t')).rows);
    });
    await client.end();
    seen.push(log);
  }
  expect(seen[1]).toEqual(seen[0]);
});
