import { createDatabase, dropDatabase } from '@colophon/testkit';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { classify, type StatementKind } from '../../packages/pg/src/statement/classify.js';
import { readOnlyFunctions } from '../../packages/pg/src/statement/read-only-functions.js';

const SLOT = 'statement_test';

let url: string;
let client: pg.Client;
let version: number;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  client = new pg.Client({ connectionString: url });
  await client.connect();
  version = Math.trunc(
    (await client.query(`SELECT current_setting('server_version_num')::int AS n`)).rows[0].n / 10_000,
  );
  await client.query(`
    CREATE TABLE todo (id int PRIMARY KEY, title text, n int DEFAULT 0);
    CREATE TABLE log (id serial, what text);
    INSERT INTO todo VALUES (1, 'one'), (2, 'two');
    CREATE FUNCTION writes(int) RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO log (what) VALUES (''f'') RETURNING $1';
    CREATE FUNCTION "Count"(int) RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO log (what) VALUES (''c'') RETURNING $1';
    CREATE FUNCTION "join"(int) RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO log (what) VALUES (''j'') RETURNING $1';
    CREATE FUNCTION writes_rows(int) RETURNS SETOF int LANGUAGE sql VOLATILE AS 'INSERT INTO log (what) VALUES (''s'') RETURNING $1';
    CREATE FUNCTION rollup(int) RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO log (what) VALUES (''r'') RETURNING $1';
    CREATE SCHEMA other;
    CREATE FUNCTION other.now() RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO log (what) VALUES (''n'') RETURNING 1';
    CREATE FUNCTION other.plus(int, int) RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO log (what) VALUES (''p'') RETURNING 1';
    CREATE OPERATOR other.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = other.plus);
    CREATE PROCEDURE change() LANGUAGE plpgsql AS 'BEGIN UPDATE todo SET n = n + 1; COMMIT; END';
    CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log (what) VALUES (tg_tag); END';
    CREATE EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl();
    PREPARE writing AS INSERT INTO log (what) VALUES ('p');
  `);
  await client.query('SELECT pg_create_logical_replication_slot($1, $2)', [SLOT, 'test_decoding']);
});

afterAll(async () => {
  await client.end();
  await dropDatabase(url);
});

/** The rows that were changed since the last call. */
async function changedRows(): Promise<string[]> {
  const { rows } = await client.query(
    `SELECT data FROM pg_logical_slot_get_changes($1, NULL, NULL) WHERE data LIKE 'table %'`,
    [SLOT],
  );
  return rows.map((row) => row.data);
}

/** How many results the server gives to a text in the simple protocol; undefined where it refuses it as not SQL. */
async function resultsOf(text: string): Promise<number | undefined> {
  try {
    const result = (await client.query(text)) as unknown as pg.QueryResult | pg.QueryResult[];
    if (Array.isArray(result)) return result.length;
    return result.command === null ? 0 : 1;
  } catch (error) {
    const { code } = error as { code?: string };
    // what a text of any other fault would have given can't be told: it must not be in the corpus
    if (code === '42601' || code === '22025' || code === '08P01' || code === '22P06') return undefined;
    throw new Error(`${code}: ${(error as Error).message} in ${JSON.stringify(text)}`);
  }
}

describe('the places where texts are cut', () => {
  const texts: string[] = [
    '',
    ';;',
    '-- nothing',
    '/* ; */',
    'SELECT 1',
    ';SELECT 1;;SELECT 2;',
    "SELECT 'a;b'; SELECT ';'';'",
    "SELECT E'\\';'; SELECT E'a\\\\'; SELECT 1",
    "SELECT '\\'; SELECT 1",
    "SELECT 'a'\n  'b;c'; SELECT 1",
    "SELECT E'a' -- x ; y\n '\\';b'; SELECT 1",
    "SELECT 'a'\n'b' -- ' \n; SELECT 'x'",
    "SELECT B'01'; SELECT X'0f' -- ;\n'1f'; SELECT 1",
    "SELECT N'a;\\'; SELECT 1",
    `SELECT U&'d\\0061;'; SELECT 1 AS U&"d\\0061;"; SELECT 1`,
    `SELECT 1 AS "a;""b;"; SELECT 1`,
    'SELECT $$;$$; SELECT $a$ $$ ; $b$ $a$; SELECT $été$;$été$',
    'SELECT 1 AS a$1; SELECT 1 AS foo$bar$; SELECT 1 AS b$bar$',
    'SELECT 1 AS a$$; SELECT 1 AS b$$',
    'SELECT 1 -- ; \rAS a; SELECT 2',
    'SELECT 1 /* ; /* ; */ ; */ AS a; SELECT 2',
    'SELECT 1 /* /*/ ; */ + */ + 1; SELECT 2',
    'SELECT 1 +-- ; \n 1; SELECT 2',
    'SELECT 2 */* ; */ 3; SELECT 2',
    'SELECT 1 ---;\n; SELECT 2',
    'SELECT 1e5; SELECT 1.5e-3, .5, 1.; SELECT 2',
    'SELECT\f1\t;\r\nSELECT\n2',
    'CREATE RULE r AS ON INSERT TO log DO ALSO (SELECT 1; SELECT 2); DROP RULE r ON log; SELECT 1',
    `CREATE FUNCTION a1() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 1`,
    `CREATE OR REPLACE FUNCTION a2(begin int, "end" int) RETURNS int LANGUAGE sql BEGIN ATOMIC; ; SELECT begin; ; END; DROP FUNCTION a2; SELECT 1`,
    `CREATE FUNCTION a3() RETURNS int BEGIN ATOMIC SELECT 1 AS end; SELECT 1 end; SELECT x.end FROM (SELECT 1 AS "end") x; END; SELECT 1`,
    `CREATE PROCEDURE a4() BEGIN ATOMIC INSERT INTO log (what) VALUES (CASE 1 WHEN 1 THEN (CASE WHEN true THEN 'a' END) ELSE 'b' END); END; SELECT 1`,
    `CREATE FUNCTION a5() RETURNS int LANGUAGE sql AS 'SELECT 1 -- BEGIN ATOMIC'; SELECT 1`,
    `CREATE FUNCTION begin() RETURNS int RETURN 1; DROP FUNCTION begin(); SELECT 1`,
    `CREATE FUNCTION a6() RETURNS int RETURN CASE WHEN true THEN 1 END; SELECT 1; SELECT 2`,
    'BEGIN; SELECT 1; END; SELECT 1',
    'BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT AND CHAIN; ROLLBACK',
  ];
  const refused: [string, boolean][] = [
    ['SELECT\u00a01', true],
    ['\ufeffSELECT 1', true],
    ['SELECT (1;2)', true],
    ["SELECT B'01''1'; SELECT 1", true],
    ['SELECT (1; SELECT 1', false],
    ['SELECT 1); SELECT 1', false],
    ["SELECT 'open; SELECT 1", false],
    ['SELECT $a$ open; SELECT 1', false],
    ['SELECT /* open; SELECT 1', false],
    ['SELECT "open; SELECT 1', false],
    ['SELECT \\; SELECT 1', false],
  ];
  it.each(texts)('%j', async (text) => {
    const { statements, confident } = classify(text, true);
    const results = await resultsOf(text);
    expect({ confident, statements: statements.length }).toEqual({ confident: true, statements: results });
  });

  it.each(refused)('refused: %j', async (text, confident) => {
    expect(await resultsOf(text)).toBeUndefined();
    expect(classify(text, true).confident).toBe(confident);
  });

  it('is the server’s for random texts, on and off standard_conforming_strings', async () => {
    const piece = fc.constantFrom(
      ...[
        ';',
        '; ',
        'SELECT 1',
        ' SELECT 2 ',
        " '\\' ",
        "'",
        "''",
        "E'",
        "e'\\''",
        ' U&"a" ',
        '"',
        ' $$',
        '$a$',
        '$1',
      ],
      ...[
        '--',
        '/*',
        '*/',
        '\n',
        '\r',
        ' ',
        '+',
        '-',
        '/',
        '*',
        '||',
        "SELECT 'a'",
        "'b'",
        ' AS a',
        '(',
        ')',
        ' a$',
        '1',
      ],
      ...["\n'c;'", '\\', 'é', " N'", "B'1'", "SELECT 'x' -- c\n'y'", ' /* /* */ */ ', 'SELECT $q$;$q$'],
    );
    const text = fc
      .array(piece, { minLength: 1, maxLength: 6 })
      .map((pieces) => `SELECT 'a'${pieces.join('')}`);
    let accepted = 0;
    for (const setting of ['on', 'off'] as const) {
      await client.query(`SET standard_conforming_strings = ${setting}; SET escape_string_warning = off`);
      await fc.assert(
        fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 3 }), async (texts) => {
          const whole = texts.join(';SELECT 3;');
          let results: number | undefined;
          try {
            results = await resultsOf(whole);
          } catch {
            return; // a fault at run time: how many would have come is unknown
          }
          if (results === undefined) return;
          accepted++;
          const found = classify(whole, setting === 'on');
          expect(found.confident).toBe(true);
          expect(found.statements).toHaveLength(results);
          const either = classify(whole);
          if (either.confident) expect(either.statements).toHaveLength(results);
        }),
        { numRuns: 4000 },
      );
    }
    await client.query('RESET standard_conforming_strings; RESET escape_string_warning');
    expect(accepted).toBeGreaterThan(300);
  });
});

describe('what writes rows', () => {
  const corpus: [StatementKind, string, number?][] = [
    ['read', "SELECT * FROM todo WHERE id IN (1, 2) AND lower(title) LIKE 'o%' ORDER BY (id) LIMIT (1)"],
    [
      'read',
      'SELECT count(*), max(n) OVER (PARTITION BY (id)) FROM todo t(a, b, n) GROUP BY n, id'.replace(
        't(a, b, n) GROUP BY n, id',
        'GROUP BY id, n',
      ),
    ],
    ['read', '(SELECT 1) UNION ALL (VALUES (2)) ORDER BY 1'],
    [
      'read',
      'WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 3), b(x, y) AS MATERIALIZED (VALUES (1, 2)) SELECT * FROM a, b',
    ],
    [
      'read',
      'WITH a AS (SELECT * FROM todo FOR NO KEY UPDATE) SELECT id::varchar(10), CAST(id AS numeric(10, 2)) FROM a',
    ],
    ['read', 'SELECT * FROM todo FOR UPDATE'],
    ['read', 'TABLE todo'],
    [
      'read',
      'SELECT pg_catalog.now(), now(), CURRENT_TIMESTAMP(3), EXTRACT(year FROM now()), "count"(*) FROM todo',
    ],
    [
      'read',
      'SELECT a.id FROM todo a JOIN (SELECT 1) b(id) USING (id) LEFT JOIN LATERAL (SELECT 2) c ON (true)',
    ],
    ['read', 'SELECT 1 OPERATOR(pg_catalog.+) 1'],
    ['read', 'SELECT DISTINCT ON (id) id FROM todo GROUP BY ROLLUP (id), GROUPING SETS ((id), ())'],
    [
      'read',
      "SELECT json_build_object('a', array_agg(t.id ORDER BY t.id) FILTER (WHERE t.id > 0)) FROM todo AS t(id)",
    ],
    ['read', 'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) FROM todo'],
    ['read', 'SHOW all'],
    ['read', "EXPLAIN INSERT INTO log (what) VALUES ('x')"],
    ['read', 'EXPLAIN (ANALYZE false) DELETE FROM todo'],
    ['read', 'EXPLAIN ANALYZE SELECT 1'],
    ['read', 'COPY todo TO STDOUT'],
    ['read', 'COPY (SELECT 1) TO STDOUT WITH (FORMAT csv, FORCE_QUOTE *)'],
    ['read', "PREPARE reading AS INSERT INTO log (what) VALUES ('x')"],
    ['read', 'DEALLOCATE reading'],
    ['read', 'NOTIFY x'],
    ['read', 'ANALYZE todo'],
    ['unknown', 'SELECT writes(1)'],
    ['unknown', 'SELECT writes (1)'],
    ['unknown', 'SELECT writes/**/(1)'],
    ['unknown', 'SELECT "writes"(1)'],
    ['unknown', 'SELECT U&"writes"(1)'],
    ['unknown', 'SELECT public.writes(1)'],
    ['unknown', 'SELECT "Count"(1)'],
    ['unknown', 'SELECT other.now()'],
    ['unknown', 'SELECT "join"(1)'],
    ['unknown', 'SELECT join(1)'],
    ['unknown', 'SELECT 1 WHERE NOT join(1) IS NULL'],
    ['unknown', 'SELECT 1 ORDER BY join(1)'],
    ['unknown', 'SELECT rollup(1)'],
    ['unknown', 'SELECT 1 ORDER BY rollup(1)'],
    ['unknown', 'SELECT DISTINCT ON (1) writes(1)'],
    ['unknown', 'SELECT 1 OPERATOR(pg_catalog.+) writes(1)'],
    ['unknown', 'SELECT 1 OPERATOR(other.+) 1'],
    ['unknown', 'SELECT (1) OPERATOR(other.+) (1)'],
    ['unknown', 'SELECT * FROM writes_rows(1) AS x(a)'],
    ['unknown', 'SELECT * FROM ROWS FROM (writes_rows(1), generate_series(1, 2)) AS x(a, b)'],
    ['unknown', 'SELECT ARRAY[writes(1)]'],
    ['unknown', 'SELECT CASE WHEN writes(1) = 1 THEN 1 END'],
    ['unknown', 'SELECT * FROM todo WHERE id = ANY (ARRAY(SELECT writes(1)))'],
    ['unknown', 'SELECT 1 LIMIT writes(1)'],
    ['unknown', 'VALUES (writes(1))'],
    ['unknown', '(SELECT writes(1))'],
    ['unknown', 'WITH a AS (SELECT 1), b(x) AS (SELECT writes(1)) SELECT * FROM b'],
    ['unknown', "WITH a AS (INSERT INTO log (what) VALUES ('w') RETURNING *) SELECT * FROM a"],
    ['unknown', 'WITH a AS MATERIALIZED (UPDATE todo SET n = n + 1 RETURNING *) SELECT * FROM a'],
    ['unknown', 'WITH a AS (WITH b AS (SELECT 1) DELETE FROM log RETURNING *) SELECT * FROM a'],
    ['unknown', "WITH a AS (SELECT 1) INSERT INTO log (what) SELECT 'w' FROM a"],
    ['unknown', 'WITH a AS (SELECT 1) UPDATE todo SET n = 1'],
    [
      'unknown',
      'WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 3) SEARCH DEPTH FIRST BY n SET key UPDATE todo SET n = 2',
    ],
    ['unknown', 'WITH a AS (SELECT 1) (SELECT 1) ORDER BY writes(1)'],
    ['unknown', 'SELECT 1 AS what INTO made'],
    ['unknown', "SELECT query_to_xml('SELECT writes(1)', true, true, '')"],
    ['unknown', "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery FROM writes(1)')"],
    ['unknown', 'CREATE TABLE made2 AS SELECT 1 AS a'],
    ['unknown', 'ALTER TABLE made2 ADD COLUMN b int'],
    ['unknown', 'DROP TABLE made2'],
    ['unknown', "COMMENT ON TABLE todo IS 'x'"],
    ['unknown', 'GRANT SELECT ON todo TO PUBLIC'],
    ['unknown', 'CALL change()'],
    ['unknown', 'DO $$ BEGIN UPDATE todo SET n = 1; COMMIT; END $$'],
    ['unknown', 'EXECUTE writing'],
    ['unknown', "EXPLAIN ANALYZE INSERT INTO log (what) VALUES ('x')"],
    ['unknown', "EXPLAIN (VERBOSE, ANALYZE 1) INSERT INTO log (what) VALUES ('x')"],
    ['unknown', 'EXPLAIN (ANALYZE off, "analyze" on) INSERT INTO log (what) VALUES (\'x\')'],
    ['unknown', 'EXPLAIN ANALYZE EXECUTE writing'],
    ['unknown', "COPY (INSERT INTO log (what) VALUES ('x') RETURNING *) TO STDOUT"],
    ['unknown', 'COPY (SELECT writes(1)) TO STDOUT'],
    ['write', "INSERT INTO log (what) VALUES ('x')"],
    ['write', 'UPDATE todo SET n = n + 1'],
    ['write', '/* x */ -- y\n DELETE FROM log'],
    ['write', 'TRUNCATE log'],
    [
      'write',
      'MERGE INTO todo USING (VALUES (1)) v(id) ON todo.id = v.id WHEN MATCHED THEN UPDATE SET n = 3',
      15,
    ],
    ['alone', 'VACUUM todo'],
    ['alone', 'REINDEX TABLE CONCURRENTLY todo'],
    ['alone', 'DISCARD ALL'],
    [
      'transaction',
      'BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SAVEPOINT a; ROLLBACK TO a; COMMIT',
    ],
  ];

  it.each(corpus)('%s: %s', async (kind, text, since = 14) => {
    const { statements, confident } = classify(text);
    expect(confident).toBe(true);
    expect(new Set(statements.map((statement) => statement.kind))).toEqual(new Set([kind]));
    if (version < since) return;
    await changedRows();
    await client.query(text);
    const changed = (await changedRows()).filter((row) => kind !== 'alone' || !row.includes('REINDEX'));
    if (kind === 'write' || kind === 'unknown') expect(changed).not.toEqual([]);
    else expect(changed).toEqual([]);
  });

  it('none of the functions that count as reading changes a row, called with values that fit', async () => {
    const { rows } = await client.query(
      `SELECT p.proname AS name, p.proargtypes::regtype[]::text[] AS types
       FROM pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND proname <> ALL ($1)`,
      [['pg_terminate_backend', 'pg_cancel_backend', 'pg_sleep', 'pg_sleep_for', 'pg_sleep_until']],
    );
    const values: Record<string, string> = {
      integer: '1',
      bigint: '1::int8',
      smallint: '1::int2',
      numeric: '1.5',
      'double precision': '1.5::float8',
      real: '1.5::float4',
      text: "'todo'::text",
      name: "'todo'::name",
      boolean: 'true',
      regclass: "'todo'::regclass",
      oid: "'todo'::regclass::oid",
      json: `'{"a":[1]}'::json`,
      jsonb: `'{"a":[1]}'::jsonb`,
      anyelement: '1',
      anycompatible: '1',
      anyarray: 'ARRAY[1, 2]',
      anycompatiblearray: 'ARRAY[1, 2]',
      'timestamp with time zone': 'now()',
      'timestamp without time zone': 'now()::timestamp',
      date: 'now()::date',
      interval: "'1 day'::interval",
      bytea: "'\\x01'::bytea",
      tsquery: "'a'::tsquery",
      tsvector: "'a'::tsvector",
    };
    let ran = 0;
    for (const { name, types } of rows) {
      if (!readOnlyFunctions.has(name)) continue;
      const call = `SELECT "${name}"(${types.map((type: string) => values[type] ?? `NULL::${type}`).join(', ')})`;
      try {
        await client.query(call);
        ran++;
      } catch {
        // these values don't fit
      }
    }
    expect(ran).toBeGreaterThan(600);
    expect(await changedRows()).toEqual([]);
  });
});
