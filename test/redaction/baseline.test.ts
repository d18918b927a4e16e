import { type BaselineResult, createConsumer, type RedactionRules, takeBaselines } from '@colophon/core';
import { redactedHash } from '@colophon/protocol';
import { migrateStore, PostgresBaselines, PostgresStore } from '@colophon/store';
import { createDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createSource, type SourceFixture } from '../core/source-fixture.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { filesHolding, searchTables } from './where-it-is.js';

const KEY = { id: 'k1', secret: 'a-secret-for-hashing-0123456789' };
const WORDS = ['S3CRET', KEY.secret];
const ROWS = 25;

const TABLES = `
  CREATE TABLE person (id int PRIMARY KEY, mail text, pin text, note text, doc jsonb);
  CREATE TABLE by_mail (mail text PRIMARY KEY, pin text);
  CREATE TABLE by_two (id int, mail text, PRIMARY KEY (id, mail));
  CREATE TABLE by_pin (pin text PRIMARY KEY, n int);
  CREATE TABLE no_key (mail text, pin text);
  CREATE TABLE parted (id int PRIMARY KEY, mail text, pin text) PARTITION BY RANGE (id);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (20);
  CREATE TABLE parted_2 (pin text, id int NOT NULL, mail text);
  ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (20) TO (99)`;

const FILL = `
  INSERT INTO person SELECT i, 'S3CRET@' || i, 'S3CRET-pin', 'S3CRET-note', '{"a":["S3CRET-doc"]}' FROM generate_series(1, ${ROWS}) i;
  INSERT INTO by_mail SELECT 'S3CRET@' || i, 'S3CRET' FROM generate_series(1, ${ROWS}) i;
  INSERT INTO by_two SELECT i, 'S3CRET@' || i FROM generate_series(1, ${ROWS}) i;
  INSERT INTO by_pin SELECT 'S3CRET' || i, i FROM generate_series(1, ${ROWS}) i;
  INSERT INTO no_key SELECT 'S3CRET@' || i, 'S3CRET' FROM generate_series(1, ${ROWS}) i;
  INSERT INTO parted SELECT i, 'S3CRET@' || i, 'S3CRET' FROM generate_series(1, ${ROWS}) i`;

const RULES: RedactionRules = {
  tables: {
    person: { mail: 'hash', note: 'mask', doc: 'drop' },
    by_mail: { mail: 'hash' },
    by_two: { mail: 'hash' },
    no_key: { mail: 'mask' },
    parted: { mail: 'hash' },
    '*': { pin: 'drop' },
  },
  context: { 'user.mail': 'hash' },
  key: KEY,
};
const hash = (text: string) => redactedHash(text, KEY);

let storeServer: PostgresServer;
let source: SourceFixture;
let storeUrl: string;
let store: pg.Client;
let told: string[];
beforeAll(async () => {
  storeServer = await launchPostgres({ native: nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major) });
});
afterAll(() => storeServer.stop());
beforeEach(async () => {
  told = [];
});
afterEach(async () => {
  // Whatever happens in a test.
  expect(told.join()).not.toMatch(/S3CRET|a-secret-for/);
  await store.end();
  await source.drop();
});

async function begin(ddl: string, encoding = 'UTF8'): Promise<void> {
  source = await createSource(inject('serverUrl'), ddl);
  storeUrl = await createDatabase(storeServer.url(), 'template0', encoding);
  await migrateStore(storeUrl);
  store = new pg.Client({ connectionString: storeUrl });
  await store.connect();
}

/** Copies tables in chunks of ten rows; with `stopAt` it is broken off once so many of a table are stored. */
async function copy(tables?: readonly string[], redact = RULES, stopAt?: number): Promise<BaselineResult[]> {
  const stop = new AbortController();
  return takeBaselines({
    source: source.url,
    slot: source.slot,
    sink: new PostgresBaselines({ url: storeUrl }),
    chunkRows: 10,
    redact,
    signal: stop.signal,
    onProgress: (step) => {
      told.push(JSON.stringify(step, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
      if (stopAt !== undefined && step.rows >= stopAt) stop.abort();
    },
    ...(tables === undefined ? {} : { tables: tables.map((name) => ({ schema: 'public', name })) }),
  });
}

/** Has a consumer store everything there is. */
async function consume(): Promise<void> {
  const tell = (details: object, message: string) => void told.push(JSON.stringify(details) + message);
  const logger = { debug: tell, info: tell, warn: tell, error: tell };
  const sink = new PostgresStore({ url: storeUrl, logger });
  const consumer = createConsumer({ source: source.url, slot: source.slot, sink, redact: RULES, logger });
  consumer.on('gap', (gap) => told.push(gap.detail));
  const run = consumer.run();
  await consumer.drain(60_000);
  await consumer.stop();
  await run;
}

const query = async <R extends pg.QueryResultRow>(text: string): Promise<R[]> =>
  (await store.query<R>(text)).rows;

async function expectNowhere(...alsoIn: readonly string[]): Promise<void> {
  const { relations, found } = await searchTables(store, WORDS);
  expect(found).toEqual([]);
  expect(relations).toEqual(expect.arrayContaining(alsoIn.map((name) => `colophon.${name}`)));
  await store.query('CHECKPOINT');
  expect(filesHolding(storeServer.dataDir, WORDS)).toEqual([]);
}

describe('what is redacted', () => {
  it('is nowhere in a baseline, which has each row as a CREATE record of it has it', async () => {
    await begin(TABLES);
    await source.client.query(FILL);
    expect((await copy()).map(({ rows }) => Number(rows)).sort()).toEqual(
      [19, 6, ...Array(5).fill(ROWS)].sort(),
    );
    await consume();
    await expectNowhere('baseline_rows', 'baseline_chunks', 'baselines', 'change_records');
    // The search does find what is there.
    const { found } = await searchTables(store, [hash('S3CRET@7')]);
    expect(found.length).toBeGreaterThan(2);
    const same = await query(`
      SELECT "table", count(*)::int AS count FROM (
        SELECT "table", partition, primary_key, key, after FROM colophon.baseline
        INTERSECT ALL
        SELECT "table", partition, primary_key, key, after FROM colophon.changes WHERE operation = 'CREATE') s
      GROUP BY 1 ORDER BY 1`);
    const tables = ['by_mail', 'by_pin', 'by_two', 'no_key', 'parted', 'person'];
    expect(same).toEqual(tables.map((table) => ({ table, count: ROWS })));
    expect(
      await query(
        `SELECT primary_key, key, after FROM colophon.baseline WHERE primary_key = '7' AND "table" = 'person'`,
      ),
    ).toEqual([{ primary_key: '7', key: { id: 7 }, after: { id: 7, mail: hash('S3CRET@7'), note: '***' } }]);
  });

  it('is not in where a copy goes on: other keys are continued, these begun anew', async () => {
    await begin(TABLES);
    await source.client.query(FILL);
    const names = ['person', 'by_mail', 'by_two', 'by_pin'];
    const stopped = { code: 'BASELINE_INCOMPLETE' };
    for (const name of names) await expect(copy([name], RULES, 20)).rejects.toMatchObject(stopped);
    const chunks = await query<{ table: string; last: string[] }>(`
      SELECT b."table", array_agg(c.last_key[1] ORDER BY c.chunk) AS last
      FROM colophon.baselines b JOIN colophon.baseline_chunks c ON c.baseline_id = b.id GROUP BY b.id ORDER BY b.id`);
    expect(chunks).toEqual([
      { table: 'person', last: ['10', '20'] },
      ...['by_mail', 'by_two', 'by_pin'].map((table) => ({ table, last: [null, null] })),
    ]);
    const results = await copy(names);
    expect(results.map(({ table, isResumed, rows }) => [table.table, isResumed, Number(rows)])).toEqual([
      ['person', true, ROWS],
      ...['by_mail', 'by_two', 'by_pin'].map((table) => [table, false, ROWS]),
    ]);
    // Each row once, of those in several chunks too.
    expect(
      await query(`SELECT "table", count(DISTINCT after)::int AS rows, count(DISTINCT chunk)::int AS chunks
        FROM colophon.baseline GROUP BY 1 ORDER BY 1`),
    ).toEqual([...names].sort().map((table) => ({ table, rows: ROWS, chunks: 3 })));
    await expectNowhere('baseline_rows', 'baseline_chunks', 'baselines');
  });

  it('is copied by one set of rules, or not at all', async () => {
    await begin(TABLES);
    await source.client.query(FILL);
    const stopped = { code: 'BASELINE_INCOMPLETE' };
    await expect(copy(['person'], RULES, 10)).rejects.toMatchObject(stopped);
    const stricter = {
      ...RULES,
      tables: { ...RULES.tables, person: { mail: 'drop', note: 'drop', doc: 'drop' } },
    } as const;
    expect(await copy(['person'], stricter)).toMatchObject([{ isResumed: false, rows: BigInt(ROWS) }]);
    expect(await query('SELECT DISTINCT after - $$id$$ AS after FROM colophon.baseline')).toEqual([
      { after: {} },
    ]);
    // A rule that can't be followed lets nothing through.
    const wrong = { tables: { ...RULES.tables, by_mail: { mial: 'hash' } }, key: KEY } as const;
    await expect(copy(['person'], wrong)).rejects.toMatchObject({ code: 'REDACTION_IMPOSSIBLE' });
    // A table that the store has seen keeps its rules under another name, as with a consumer.
    await consume();
    await source.client.query('ALTER TABLE by_mail RENAME TO addresses');
    const optional = {
      tables: { by_mail: { mail: { by: 'hash', mayBeMissing: true } }, '*': { pin: 'drop' } },
      key: KEY,
    } as const;
    expect(await copy(['addresses'], optional)).toMatchObject([{ rows: BigInt(ROWS) }]);
    await expectNowhere('baseline_rows', 'baseline_chunks', 'baselines');
  });

  it('is not in what the store cannot hold and puts aside, nor in gaps', async () => {
    await begin(TABLES, 'LATIN1');
    const { client, slot } = source;
    await client.query(`
      BEGIN; SELECT pg_logical_emit_message(true, 'colophon', '{"user":{"mail":"S3CRET@me","name":"\\u6f22"}}');
      INSERT INTO by_two VALUES (1, 'S3CRET@mail'); COMMIT;
      ALTER TABLE person ADD title text; INSERT INTO person (id, mail, pin, note, title) VALUES (1, 'S3CRET@mail', 'S3CRET', 'S3CRET', '漢');
      UPDATE person SET id = 2, mail = 'S3CRET@new'; DELETE FROM person`);
    await consume();
    const kept = await query<{ what: string; table: string; data: Buffer }>(
      'SELECT what, "table", data FROM colophon.unstored ORDER BY seq',
    );
    expect(kept.map(({ what, table }) => [what, table])).toEqual([
      ['context', null],
      ...Array(3).fill(['change', 'person']),
    ]);
    const texts = kept.map(({ data }) => data.toString());
    expect(texts).toContain(`{"user":{"mail":"${hash('S3CRET@me')}","name":"\\u6f22"}}`);
    expect(texts).toContain(
      `{"key":{"id":1},"before":{},"after":{"id":1,"mail":"${hash('S3CRET@mail')}","note":"***","title":"漢"}}`,
    );
    await client.query(`INSERT INTO by_mail VALUES ('S3CRET@lost', 'S3CRET')`);
    await client.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [slot]);
    await consume();
    expect(await query('SELECT reason FROM colophon.gaps')).toEqual([{ reason: 'slot-ahead' }]);
    await expectNowhere('unstored_records', 'gap_records', 'segments');
    const { found } = await searchTables(store, [hash('S3CRET@new')]);
    expect(found).toContain(`colophon.unstored_records: ${hash('S3CRET@new')}`);
  });
});
