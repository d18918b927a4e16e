import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { compareImages } from './compare-images.js';
import { DecodedSource } from './decoded-source.js';

const TYPES = String.raw`
  CREATE TYPE mood AS ENUM ('so so', 'a"b', 'c\d', 'NULL', 'e,f', '{}', '', 'ü');
  CREATE TYPE point3 AS (x float8, "Y y" int[], z numeric);
  ALTER TYPE point3 DROP ATTRIBUTE x;
  ALTER TYPE point3 ADD ATTRIBUTE w timestamptz, ADD ATTRIBUTE m mood;
  CREATE DOMAIN moods AS mood[];
  CREATE DOMAIN point3_domain AS point3;
  CREATE DOMAIN moods_list AS moods[];
  CREATE TYPE nested AS (p point3, ps point3_domain[], ms moods, ml moods_list, j jsonb, o json, b box[], t text);
  CREATE TYPE one AS ("only" text);
  CREATE TYPE nothing AS ();
  CREATE TYPE float_range AS RANGE (subtype = float8);
  CREATE TYPE mood_range AS RANGE (subtype = mood, multirange_type_name = mood_ranges);
  CREATE TABLE made (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood, ma mood[], md moods, ml moods_list,
    p point3, pa point3_domain[], pd point3_domain, n nested, na nested[], o one, oa one[], e nothing,
    gone int, fr float_range, fm float_multirange, mr mood_range, mm mood_ranges, mra mood_range[],
    c5 char(5), n2 numeric(10,2), ts0 timestamp(0), vb varchar(10)[], "q""u\o" int, "ß " int);
  ALTER TABLE made DROP COLUMN gone;
  ALTER TABLE made REPLICA IDENTITY FULL;
`;

const VALUES = [
  `INSERT INTO made (m, ma, md, ml, p, pa, pd)
    SELECT m, ARRAY[m, NULL, m], ARRAY[m], ARRAY[ARRAY[m, m]::text, NULL]::text::moods_list, ROW(ARRAY[1, NULL], 1.50, 'infinity', m)::point3,
      ARRAY[ROW(NULL, NULL, '2024-01-01', m)::point3, NULL], ROW(ARRAY[[1], [2]], 'NaN', NULL, m)::point3
    FROM unnest(enum_range(NULL::mood)) m`,
  String.raw`INSERT INTO made (n)
    SELECT ROW(p, pa, md, ml, '{"a": "\"(,)"}', E'[1,\n "x\\\\"]', ARRAY['(1,2),(3,4)'::box, NULL], m::text || '("' || chr(10) || '\')::nested
    FROM made`,
  'INSERT INTO made (na) SELECT array_agg(n) FROM made GROUP BY id / 3',
  String.raw`INSERT INTO made (o, oa, e) VALUES
    (ROW(NULL), ARRAY[ROW(NULL), ROW(''), ROW('()')]::one[], ROW()), (ROW(''), '{}', NULL), (ROW('",\'), NULL, NULL)`,
  `INSERT INTO made (fr, fm, mr, mm, mra, c5, n2, ts0, vb, "q""u\\o", "ß ") VALUES
    ('[1e-7,1e20)', '{[1,2),(5,Infinity)}', '["so so","NULL"]', '{}', '{}', 'ab', 1.5, '2024-01-01 00:00:00.6', ARRAY['a b', 'c"'], 1, 2),
    ('(,)', NULL, 'empty', '{["so so","e,f"),["{}",]}', ARRAY['["so so","e,f")'::mood_range, NULL], '', 0, NULL, '{}', NULL, NULL)`,
];

const nestedArrays = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
/** Texts of type json, most at the very edge of what jsonb can hold. */
const JSON_TEXTS = [
  ...String.raw`"\u0000"|{"a": "\\u0000"}|{"\u0000": 1}|"\ud800"|"\udc00\ud800"|"\ud83d\ude00"|"\uD83D\uDE00\uD83D"|"\ud83d \ude00"`.split(
    '|',
  ),
  ...String.raw`"\ud83d\\ude00"|"\ud800\ud83d\ude00"|["\ud83d", "\ude00"]|"\\ud800"|"\\\ud800"|"\\\\u0000"|"\\\u0000"`.split(
    '|',
  ),
  ...'1e131071 1e131072 -1e131072 12e131070 12e131071 0.1e131072 0.01e131073 0.01e131074 1e-16383 1e-16384'.split(
    ' ',
  ),
  ...'0e-16384 0e131072 0e200000 0.0e999999999 1e1000000000 1e-1000000000 1E+99999999999 0e99999999999'.split(
    ' ',
  ),
  ...'1e0000000000000005 1e-0000000000000005 1.5e-16382 1.5e-16383'.split(' '),
  `0.${'0'.repeat(16_383)}`,
  `0.${'0'.repeat(16_384)}`,
  '9'.repeat(131_072),
  '9'.repeat(131_073),
  `${'9'.repeat(131_073)}e-1`,
  `${'9'.repeat(131_073)}e-5`,
  `{"a": [1, 2e5000, "1e999999"], "b": "${'1'.repeat(10_001)}"}`,
  `{"a": [1, 2e500000, "1e999999"]}`,
  nestedArrays(100),
  nestedArrays(4_900),
  nestedArrays(5_000),
  `"${'['.repeat(6_000)}"`,
];

describe('values of types made by users', () => {
  let source: DecodedSource;
  beforeAll(async () => {
    source = await DecodedSource.create(inject('serverUrl'), TYPES);
  });
  afterAll(() => source.drop());

  it('are what to_jsonb gives, nested in each other', async () => {
    for (const sql of VALUES) await source.run(sql);
    const { rows, differences } = await compareImages(source, 'made');
    expect(differences).toEqual([]);
    expect(rows).toBeGreaterThan(20);
  });

  it('json that jsonb cannot hold becomes a JSON string of its text, and all other json stays json', async () => {
    await source.run(`
      CREATE TABLE held (id int PRIMARY KEY, j json);
      CREATE FUNCTION as_jsonb(j json) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN RETURN j::jsonb::text; EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$`);
    for (const [id, json] of JSON_TEXTS.entries())
      await source.run('INSERT INTO held VALUES ($1, $2)', [id, json]);
    let asText = 0;
    for (const [id, { after }] of (await source.changes()).entries()) {
      const [row] = await source.rows<{ text: string; ours: string; theirs: string | null }>(
        `SELECT $2::jsonb ->> 'j' AS text, ($2::jsonb -> 'j')::text AS ours, as_jsonb(j) AS theirs FROM held WHERE id = $1`,
        [id, after],
      );
      const name = JSON_TEXTS[id]!.slice(0, 60);
      if (row!.theirs === null) {
        asText++;
        expect(row!.text === JSON_TEXTS[id], name).toBe(true);
      } else {
        expect(row!.ours === row!.theirs, name).toBe(true);
      }
    }
    expect(asText).toBeGreaterThan(15);
    expect(JSON_TEXTS.length - asText).toBeGreaterThan(15);
  });

  it('json nested too deep for a level more becomes a JSON string, and what is stored is jsonb', async () => {
    await source.run('CREATE TABLE deep (id int, j json, b jsonb)');
    await source.run('INSERT INTO deep VALUES (1, $1, $2)', [nestedArrays(5_001), nestedArrays(5_001)]);
    await source.run('INSERT INTO deep VALUES (2, $1, $2)', [nestedArrays(5_000), nestedArrays(5_000)]);
    const changes = await source.changes();
    const kinds = [];
    for (const { after } of changes) {
      const [row] = await source.rows(
        "SELECT jsonb_typeof($1::jsonb -> 'j') AS j, jsonb_typeof($1::jsonb -> 'b') AS b, $1::jsonb::text = $1::jsonb::text AS same",
        [after],
      );
      kinds.push(row);
    }
    expect(kinds).toEqual([
      { j: 'string', b: 'string', same: true },
      { j: 'array', b: 'array', same: true },
    ]);
  });

  it('of extensions are their text, also where the extension has a cast to json', async () => {
    await source.run(String.raw`
      CREATE EXTENSION hstore; CREATE EXTENSION citext;
      CREATE TABLE extended (id int PRIMARY KEY, h hstore, c citext, ha hstore[], ca citext[]);
      INSERT INTO extended VALUES (1, 'a=>"b\"c"', 'Q"', ARRAY['x=>NULL'::hstore], ARRAY['A,b'::citext])`);
    const [change] = await source.changes();
    const [row] = await source.rows<{ h: string; ha: string[] }>('SELECT h::text, ha::text[] FROM extended');
    expect(JSON.parse(change!.after)).toEqual({ id: 1, ...row, c: 'Q"', ca: ['A,b'] });
  });

  it('of composites follow ALTER TYPE, though the stream says nothing of it', async () => {
    await source.run('CREATE TYPE pair AS (a int, b text); CREATE TABLE pairs (id int PRIMARY KEY, p pair)');
    const images = async () => (await source.changes()).map(({ after }) => after);
    await source.run("INSERT INTO pairs VALUES (1, (1, 'x'))");
    expect(await images()).toEqual(['{"id":1,"p":{"a":1,"b":"x"}}']);
    await source.run('ALTER TYPE pair RENAME ATTRIBUTE a TO first');
    await source.run("INSERT INTO pairs VALUES (2, (2, 'y'))");
    expect(await images()).toEqual(['{"id":2,"p":{"first":2,"b":"y"}}']);
    await source.run("INSERT INTO pairs VALUES (3, (3, 'z'))");
    await source.run('ALTER TYPE pair ADD ATTRIBUTE c timestamptz');
    await source.run("INSERT INTO pairs VALUES (4, (4, 'w', '2024-01-01'))");
    expect(await images()).toEqual([
      '{"id":3,"p":{"first":3,"b":"z"}}',
      '{"id":4,"p":{"first":4,"b":"w","c":"2024-01-01T00:00:00+00:00"}}',
    ]);
    await source.run("INSERT INTO pairs VALUES (5, (5, 'v', NULL))");
    await source.run('ALTER TYPE pair DROP ATTRIBUTE b');
    // Which of the three was dropped is not known: the value stays as text.
    expect(await images()).toEqual(['{"id":5,"p":"(5,v,)"}']);
  });

  it('of types that are gone are their text', async () => {
    await source.run(
      "CREATE TYPE brief AS ENUM ('a'); CREATE TABLE brief_table (id int PRIMARY KEY, b brief, n int)",
    );
    await source.run("INSERT INTO brief_table VALUES (1, 'a', 2); DROP TABLE brief_table; DROP TYPE brief");
    expect((await source.changes()).map(({ after }) => after)).toEqual(['{"id":1,"b":"a","n":2}']);
  });
});
