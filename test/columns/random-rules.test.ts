import { type ColumnOptions, createConsumer } from '@colophon/core';
import { migrateStore, openStore, PostgresStore } from '@colophon/store';
import {
  createDatabase,
  dropDatabase,
  type Random,
  seededRandom,
  seedFromEnvironment,
} from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { RecordingSink } from '../core/recording-sink.js';
import { createSource, type SourceFixture } from '../core/source-fixture.js';
import { searchTables } from '../redaction/where-it-is.js';
import { keptOf, meets, type PlainChange, type PlainRules } from './naive-rules.js';

const KEY = { id: 'k1', secret: 'a key of the test, 32 bytes long' };
const RULE_SETS = 4;
const STATEMENTS = 250;
const NAMES = [
  'public.account',
  'public.secret_a',
  'sales.account',
  'sales.secret_b',
  'sales.parted',
  'public.by_default',
];
const TYPES: Record<string, string> = {
  updated_at: 'text',
  seen_cached_counter: 'int',
  password: 'text',
  secret_x: 'text',
  mail: 'text',
  flag: 'boolean',
  doc: 'jsonb',
  large: 'text',
};
const COLUMNS = Object.keys(TYPES);
const LONG = 2_500;

const seed = seedFromEnvironment();
const random = seededRandom(seed);
let source: SourceFixture;
let truth: PlainChange[];
let made = 0;

/** A value that names its column, and never comes again where it is a text. */
function literal(table: string, column: string): string {
  if (random.chance(0.15)) return 'NULL';
  const text = `«${table}.${column}» ${made++}`;
  switch (TYPES[column]) {
    case 'int':
      return String(random.integer(0, 5));
    case 'boolean':
      return String(random.chance(0.5));
    case 'jsonb':
      return pg.escapeLiteral(JSON.stringify(text));
    default:
      return pg.escapeLiteral(
        column === 'large' && random.chance(0.5) ? text.padEnd(LONG, random.hex(LONG)) : text,
      );
  }
}

function statement(table: string): string {
  const some = COLUMNS.filter(() => random.chance(0.25));
  const id = random.integer(1, 12);
  const kind = random.next();
  if (kind < 0.25) {
    const values = COLUMNS.map((column) => literal(table, column));
    return `INSERT INTO ${table} (id, ${COLUMNS.join()}) VALUES (${id}, ${values.join()}) ON CONFLICT DO NOTHING`;
  }
  if (kind < 0.3) return `DELETE FROM ${table} WHERE id = ${id}`;
  if (kind < 0.31) return `TRUNCATE ${table}`;
  if (kind < 0.35) return `UPDATE ${table} SET id = ${100 + made++}, updated_at = 'moved' WHERE id = ${id}`;
  const set = some.map((column) => `${column} = ${random.chance(0.1) ? column : literal(table, column)}`);
  return `UPDATE ${table} SET ${[...set, 'flag = flag'].slice(0, Math.max(1, set.length)).join()} WHERE id <= ${id}`;
}

function pattern(random: Random): string {
  const [schema = '', table = ''] = random.pick(NAMES).split('.');
  // Now and then a star in place of some of it.
  const blurred = (name: string): string => {
    if (!random.chance(0.4)) return name;
    const at = random.integer(0, name.length);
    return `${name.slice(0, at)}*${random.chance(0.5) ? name.slice(random.integer(at, name.length)) : ''}`;
  };
  const column = blurred(random.pick([...COLUMNS, 'id']));
  return random.pick([
    column,
    `${blurred(table)}.${column}`,
    `${blurred(schema)}.${blurred(table)}.${column}`,
  ]);
}

/** Names without a star must be there: of those in two parts only the tables of `public` are. */
function isThere(text: string): boolean {
  const parts = text.split('.');
  if (text.includes('*') || parts.length === 1) return true;
  return NAMES.includes(parts.length === 3 ? parts.slice(0, 2).join('.') : `public.${parts[0]}`);
}

function rules(): PlainRules {
  const list = (most: number): string[] =>
    Array.from({ length: random.integer(0, most) }, () => pattern(random)).filter(isThere);
  return { ignore: [...list(4), 'updated_at'], exclude: list(3), mask: list(3), hash: list(3) };
}

beforeAll(async () => {
  const columns = COLUMNS.map((name) => `${name} ${TYPES[name]}`).join(', ');
  const tables = NAMES.map((name) =>
    name === 'sales.parted'
      ? `CREATE TABLE ${name} (id int PRIMARY KEY, ${columns}) PARTITION BY RANGE (id);
         CREATE TABLE sales.leaf_1 PARTITION OF ${name} FOR VALUES FROM (0) TO (7);
         CREATE TABLE sales.leaf_2 PARTITION OF ${name} DEFAULT;
         ALTER TABLE sales.leaf_1 REPLICA IDENTITY FULL; ALTER TABLE sales.leaf_2 REPLICA IDENTITY FULL`
      : `CREATE TABLE ${name} (id int PRIMARY KEY, ${columns});
         ALTER TABLE ${name} ALTER COLUMN large SET STORAGE EXTERNAL`,
  );
  source = await createSource(inject('serverUrl'), `CREATE SCHEMA sales; ${tables.join(';')}`);
  await source.client.query(`ALTER TABLE sales.account REPLICA IDENTITY FULL; ALTER TABLE sales.secret_b REPLICA IDENTITY FULL;
    ALTER TABLE by_default REPLICA IDENTITY DEFAULT`);
  await source.client.query('SELECT pg_copy_logical_replication_slot($1, $2)', [
    source.slot,
    `${source.slot}_base`,
  ]);
  for (let i = 0; i < STATEMENTS; i++) {
    const several = Array.from({ length: random.integer(1, 4) }, () => statement(random.pick(NAMES)));
    await source.client.query(several.join(';'));
  }
  const sink = new RecordingSink();
  await read(source.slot, sink, {});
  truth = sink.stored.map(({ relation: { schema, table }, ...change }) => ({
    schema,
    table,
    operation: change.operation,
    sequence: change.sequence,
    before: JSON.parse(change.before),
    after: JSON.parse(change.after),
    unchanged: change.unchanged,
    key: JSON.parse(change.key),
    primary_key: change.primaryKey,
  }));
});
afterAll(async () => {
  await source.client.query('SELECT pg_drop_replication_slot($1)', [`${source.slot}_base`]);
  await source.drop();
});

async function read(
  slot: string,
  sink: RecordingSink | PostgresStore,
  columns: ColumnOptions,
): Promise<number> {
  const consumer = createConsumer({ source: source.url, slot, sink, columns, redact: { key: KEY } });
  const run = consumer.run();
  await consumer.drain(60_000);
  await consumer.stop();
  await run;
  return consumer.status().ignoredChanges;
}

describe('rules of random patterns over random rows', () => {
  it('are tried on what they are for', () => {
    const operations = new Set(truth.map(({ operation }) => operation));
    expect([...operations].sort()).toEqual(['CREATE', 'DELETE', 'TRUNCATE', 'UPDATE']);
    expect(truth.some(({ unchanged }) => unchanged.length > 0)).toBe(true);
    expect(truth.length).toBeGreaterThan(STATEMENTS);
  });

  it.each(Array.from({ length: RULE_SETS }, (_, number) => number))(
    'leave in the store what a simple computation says, and nothing of what is taken away (set %i)',
    async (number) => {
      const chosen = rules();
      console.log(`SEED=${seed} set ${number}: ${JSON.stringify(chosen)}`);
      const url = await createDatabase(inject('serverUrl'));
      await migrateStore(url);
      const slot = `${source.slot}_${number}`;
      await source.client.query('SELECT pg_copy_logical_replication_slot($1, $2)', [
        `${source.slot}_base`,
        slot,
      ]);
      const ignored = await read(slot, new PostgresStore({ url }), chosen);
      await source.client.query('SELECT pg_drop_replication_slot($1)', [slot]);

      const expected = truth.map((change) => keptOf(change, chosen, KEY)).filter((change) => change !== null);
      const store = await openStore(url);
      const stored = await store.changes({ order: 'oldest' });
      await store.close();
      expect(
        stored.map(({ schema, table, operation, sequence, before, after, unchanged, key, primary_key }) => ({
          schema,
          table,
          operation,
          sequence,
          before,
          after,
          unchanged,
          key,
          primary_key,
        })),
      ).toEqual(expected);
      expect(ignored).toBe(truth.length - expected.length);

      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const words = { gone: new Set<string>(), kept: new Set<string>() };
      for (const name of NAMES) {
        const [schema = '', table = ''] = name.split('.');
        for (const column of COLUMNS.filter((one) => /text|jsonb/.test(TYPES[one]!))) {
          const isGone = [...chosen.exclude, ...chosen.mask, ...chosen.hash].some((text) =>
            meets(text, schema, table, column),
          );
          words[isGone ? 'gone' : 'kept'].add(`«${name}.${column}»`);
        }
      }
      expect((await searchTables(client, [...words.gone])).found).toEqual([]);
      const kept = [...words.kept].filter((word) => JSON.stringify(expected).includes(word));
      const { found } = await searchTables(client, kept);
      for (const word of kept) expect(found.some((line) => line.includes(word))).toBe(true);
      await client.end();
      await dropDatabase(url);
    },
  );
});
