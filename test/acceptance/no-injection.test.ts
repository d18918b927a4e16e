import { runWithContext } from '@colophon/context';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { instrumentedPool } from '../instrumented-pool.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const cyclic: Record<string, unknown> = { a: 1 };
cyclic.self = cyclic;

/** What is given, and what must arrive; where only one is named, they are the same. */
const CONTEXTS: [string, Record<string, unknown>, Record<string, unknown>?][] = [
  ['quotes', { a: `'"\`''""`, 'k\'e"y': "'); DROP TABLE note; --" }],
  ['backslashes', { a: '\\', b: "\\'", c: '\\\\n\n\r\t\b\f', d: "E'\\x41'" }],
  ['comments', { a: '*/ DROP TABLE note; /*', b: '-- \n', c: '/* /* */' }],
  ['placeholders', { a: '$1', b: '$$', c: '$tag$ $tag$', d: '%s ? :name @p1', e: '\\u0041 U&' }],
  ['all of Unicode', { a: 'äöü€日本語😀\u2028\u2029\u200f\ufeff', 'ключ😀': 'значение' }],
  [
    'lone surrogates',
    { a: 'x\ud800y', b: '\udc00', c: '\ud83d\ude00', d: '\\ud800' },
    { a: 'x\ufffdy', b: '\ufffd', c: '😀', d: '\\ud800' },
  ],
  ['NUL', { a: 'x\0y', b: '\\u0000' }, { a: 'x\ufffdy', b: '\\u0000' }],
  [
    'control characters',
    { a: String.fromCharCode(...Array.from({ length: 31 }, (_, i) => i + 1), 0x7f, 0x80, 0x9f) },
  ],
  ['60 KB of text', { a: `'\\"$1*/`.repeat(5000).slice(0, 30_000), b: 'x'.repeat(20_000) }],
  ['60 KB of plain text', { a: 'y'.repeat(60_000) }],
  [
    'numbers',
    { a: 0, b: -0.1, c: 1e21, d: 123456789012345678901n, e: Number.NaN },
    { a: 0, b: -0.1, c: 1e21, d: '123456789012345678901', e: null },
  ],
  [
    'what JSON cannot hold',
    { a: new Date(0), b: undefined, c: () => 1, d: null, e: cyclic },
    { a: '1970-01-01T00:00:00.000Z', d: null, e: '[unserializable]' },
  ],
  ["Colophon's own keys", { 'colophon.error': 'forged', 'colophon.x': 1, a: 1 }, { a: 1 }],
  ['nesting', { a: { b: [{ c: [[[]]] }, {}] }, __proto__x: { constructor: 'x' } }],
  ['emptiness', {}],
];

const WAYS: [string, (client: pg.PoolClient, marker: string) => Promise<unknown>][] = [
  ['extended protocol', (client, marker) => client.query('INSERT INTO note (v) VALUES ($1)', [marker])],
  ['no values', (client, marker) => client.query(`INSERT INTO note (v) VALUES ('${marker}')`)],
  [
    'simple protocol',
    (client, marker) => client.query(`SELECT 'x;y'; INSERT INTO note (v) VALUES ('${marker}'); SELECT 2`),
  ],
  ['a function', (client, marker) => client.query('SELECT write_note($1)', [marker])],
  [
    'a function in the simple protocol',
    (client, marker) => client.query(`SELECT 1; SELECT write_note('${marker}')`),
  ],
];

describe('no injection: a context arrives as it was, or as is stated', () => {
  let database: TrackedDatabase;
  let pool: pg.Pool;
  const wanted = new Map<string, Record<string, unknown>>();

  beforeAll(async () => {
    const schema = `CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);
      CREATE FUNCTION write_note(v text) RETURNS void LANGUAGE sql VOLATILE AS 'INSERT INTO note (v) VALUES (v)'`;
    database = await trackDatabase(inject('serverUrl'), schema, { tables: 'note' });
    pool = instrumentedPool({ connectionString: database.url, max: 2 });
    for (const setting of ['on', 'off']) {
      const client = await pool.connect();
      await client.query(`SET standard_conforming_strings = ${setting}; SET escape_string_warning = off`);
      for (const [what, given, arrives] of CONTEXTS) {
        for (const [way, write] of WAYS) {
          const marker = `${what}, ${way}, standard_conforming_strings ${setting}`.replaceAll("'", '’');
          wanted.set(marker, arrives ?? given);
          await runWithContext(given, () => write(client, marker));
        }
      }
      client.release(true);
    }
    await database.once();
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  it('in every way of sending it', async () => {
    const { rows } = await database.client.query(
      "SELECT after ->> 'v' AS marker, context::text AS context FROM colophon.changes ORDER BY seq",
    );
    const arrived = new Map(rows.map(({ marker, context }) => [marker, JSON.parse(context)]));
    expect(arrived.size).toBe(CONTEXTS.length * WAYS.length * 2);
    expect(rows).toHaveLength(arrived.size);
    for (const [marker, context] of wanted) expect(arrived.get(marker), marker).toEqual(context);
  });

  it('and the size limit, by its stated outcome', async () => {
    await runWithContext({ a: 'z'.repeat(70_000) }, () =>
      pool.query("INSERT INTO note (v) VALUES ('too big')"),
    );
    await database.once();
    const { rows } = await database.client.query(
      "SELECT context FROM colophon.changes WHERE after ->> 'v' = 'too big'",
    );
    expect(Object.keys(rows[0].context)).toEqual(['colophon.error']);
  });
});
