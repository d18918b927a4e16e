import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { createConsumer, ndjsonSink, type RedactionRules, stream } from '@colophon/core';
import { migrateStore, openStore, PostgresStore } from '@colophon/store';
import { createDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createSource, type SourceFixture } from '../core/source-fixture.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { filesHolding, searchTables } from './where-it-is.js';

const KEY = { id: 'k1', secret: 'a-secret-for-hashing-0123456789' };
const hash = (text: string) =>
  `hmac-sha256:k1:${createHmac('sha256', KEY.secret).update(text).digest('hex')}`;

/** Each kind of identity and of key; what may never be seen again begins with S3CRET. */
const TABLES = `
  CREATE TABLE person (id int PRIMARY KEY, mail text, pin text, note text, tags text[], doc jsonb, born date, ok bool);
  ALTER TABLE person ALTER COLUMN note SET STORAGE EXTERNAL;
  CREATE TABLE by_default (id int PRIMARY KEY, mail text, pin text, note text, tags text[], doc jsonb, born date, ok bool);
  ALTER TABLE by_default ALTER COLUMN note SET STORAGE EXTERNAL;
  CREATE TABLE by_mail (mail text PRIMARY KEY, pin text);
  CREATE TABLE by_two (mail text, id int, pin text, PRIMARY KEY (mail, id));
  CREATE TABLE by_pin (pin text PRIMARY KEY, n int);
  CREATE TABLE by_index (id int PRIMARY KEY, mail text NOT NULL, pin text);
  CREATE UNIQUE INDEX by_index_mail ON by_index (mail);
  CREATE TABLE parted (id int, mail text, pin text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
  CREATE TABLE parted_2 (pin text, id int NOT NULL, mail text);
  ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (100) TO (200)`;

const IDENTITIES = `
  ALTER TABLE by_default REPLICA IDENTITY DEFAULT;
  ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_mail`;

const RULES: RedactionRules = {
  tables: {
    person: {
      mail: 'hash',
      note: 'mask',
      tags: 'drop',
      doc: { by: 'mask', mask: 'gone' },
      born: 'hash',
      ok: 'hash',
    },
    'public.by_default': { mail: 'hash', note: 'mask', tags: 'drop', doc: 'drop', born: 'hash', ok: 'hash' },
    by_mail: { mail: 'hash' },
    by_two: { mail: 'hash' },
    by_index: { mail: 'hash' },
    parted: { mail: 'hash' },
    '*': { pin: 'drop' },
  },
  context: { token: 'drop', 'user.mail': 'hash', ip: 'mask' },
  key: KEY,
};

const LONG = `repeat('S3CRET-note ', 2000)`;
const CONTEXT = `{"token":"S3CRET-token","user":{"id":7,"mail":"S3CRET@mail"},"ip":"S3CRET-ip"}`;
const NAMED = `SELECT pg_logical_emit_message(true, 'colophon', '${CONTEXT}')`;

async function write(client: pg.Client): Promise<void> {
  for (const table of ['person', 'by_default']) {
    await client.query(`BEGIN; ${NAMED};
      INSERT INTO ${table} VALUES (1, 'S3CRET@mail', 'S3CRET-pin', ${LONG}, '{S3CRET-tag}', '{"a":["S3CRET-doc"]}', '2000-01-31', true),
        (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
      UPDATE ${table} SET pin = 'S3CRET-pin2' WHERE id = 1;
      UPDATE ${table} SET id = 3 WHERE id = 1;
      DELETE FROM ${table} WHERE id = 3; COMMIT`);
  }
  await client.query(`
    INSERT INTO by_mail VALUES ('S3CRET@mail', 'S3CRET'); UPDATE by_mail SET mail = 'S3CRET@new'; DELETE FROM by_mail;
    INSERT INTO by_two VALUES ('S3CRET@mail', 1, 'S3CRET'); UPDATE by_two SET mail = 'S3CRET@new'; DELETE FROM by_two;
    INSERT INTO by_pin VALUES ('S3CRET', 1); UPDATE by_pin SET pin = 'S3CRET2'; DELETE FROM by_pin;
    INSERT INTO by_index VALUES (1, 'S3CRET@mail', 'S3CRET'); UPDATE by_index SET mail = 'S3CRET@new'; DELETE FROM by_index;
    INSERT INTO parted VALUES (1, 'S3CRET@mail', 'S3CRET'), (101, 'S3CRET@mail', 'S3CRET');
    UPDATE parted SET id = 102, pin = 'S3CRET2' WHERE id = 1; DELETE FROM parted; TRUNCATE parted, person`);
  await client.query(
    `BEGIN; COPY by_mail FROM PROGRAM 'printf ''S3CRET@copied\\tS3CRET-copied\\n'''; COMMIT`,
  );
}

let source: SourceFixture;
let storeServer: PostgresServer;
beforeAll(async () => {
  storeServer = await launchPostgres({ native: nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major) });
});
afterAll(() => storeServer.stop());

async function filled(): Promise<SourceFixture> {
  source = await createSource(inject('serverUrl'), TABLES);
  await source.client.query(IDENTITIES);
  await write(source.client);
  return source;
}

describe('what is redacted', () => {
  it('is nowhere in the store: no column, no data file, no WAL', async () => {
    await filled();
    const url = await createDatabase(storeServer.url());
    await migrateStore(url);
    const told: string[] = [];
    const tell = (details: object, message: string) => void told.push(JSON.stringify(details) + message);
    const logger = { debug: tell, info: tell, warn: tell, error: tell };
    const consumer = createConsumer({
      source: source.url,
      slot: source.slot,
      sink: new PostgresStore({ url, logger }),
      redact: RULES,
      logger,
    });
    const run = consumer.run();
    await consumer.drain(60_000);
    await consumer.stop();
    await run;

    const client = new pg.Client({ connectionString: url });
    await client.connect();
    expect((await searchTables(client, ['S3CRET', KEY.secret])).found).toEqual([]);
    // The search does find what is there.
    expect((await searchTables(client, [hash('S3CRET@copied')])).found).not.toEqual([]);
    await client.query('CHECKPOINT');
    await client.end();
    expect(filesHolding(storeServer.dataDir, ['S3CRET', KEY.secret])).toEqual([]);
    expect(filesHolding(storeServer.dataDir, [hash('S3CRET@copied')])).not.toEqual([]);
    expect(told.join()).not.toMatch(/S3CRET|a-secret-for/);

    const store = await openStore(url);
    const [first, empty, ...rest] = await store.changes({ table: 'person', order: 'oldest' });
    expect(first?.after).toEqual({
      id: 1,
      mail: hash('S3CRET@mail'),
      note: '***',
      doc: 'gone',
      born: hash('2000-01-31'),
      ok: hash('true'),
    });
    expect(first?.context).toEqual({ user: { id: 7, mail: hash('S3CRET@mail') }, ip: '***' });
    expect(empty?.after).toEqual({ id: 2, mail: null, note: null, doc: null, born: null, ok: null });
    expect(rest.map(({ operation }) => operation)).toEqual(['UPDATE', 'UPDATE', 'DELETE', 'TRUNCATE']);
    // Without FULL a large value that stays isn't in the log: named, unless its column is dropped.
    const [, , update] = await store.changes({ table: 'by_default', order: 'oldest' });
    expect(update).toMatchObject({ operation: 'UPDATE', unchanged: ['note'] });
    expect(JSON.stringify(update?.after)).not.toMatch(/pin|tags|doc/);

    // A hashed key still finds a row's history, under any key that it had; a dropped one doesn't.
    expect(await store.history('by_mail', hash('S3CRET@mail'))).toHaveLength(2);
    expect(await store.history('by_mail', { mail: hash('S3CRET@new') })).toHaveLength(2);
    expect(await store.history('by_two', { mail: hash('S3CRET@mail'), id: 1 })).toHaveLength(2);
    const [byTwo] = await store.changes({ table: 'by_two', order: 'oldest' });
    expect(byTwo?.primary_key).toBe(`{"id": 1, "mail": "${hash('S3CRET@mail')}"}`);
    const byPin = await store.changes({ table: 'by_pin' });
    expect(byPin.map(({ key, primary_key }) => [key, primary_key])).toEqual(Array(3).fill([{}, null]));
    const byIndex = await store.changes({ table: 'by_index', order: 'oldest' });
    expect(byIndex.map(({ before }) => before)).toEqual([
      {},
      { mail: hash('S3CRET@mail') },
      { mail: hash('S3CRET@new') },
    ]);
    const parted = await store.changes({ table: 'parted', operation: 'CREATE', order: 'oldest' });
    expect(parted.map(({ after, partition }) => [partition, after])).toEqual([
      ['parted_1', { id: 1, mail: hash('S3CRET@mail') }],
      ['parted_2', { id: 101, mail: hash('S3CRET@mail') }],
      ['parted_2', { id: 102, mail: hash('S3CRET@mail') }],
    ]);
    await store.close();
    await source.drop();
  });

  it('is not in the lines of ndjson', async () => {
    await filled();
    const output = new PassThrough();
    const lines = textOf(output);
    const consumer = createConsumer({
      source: source.url,
      slot: source.slot,
      sink: ndjsonSink(output),
      redact: RULES,
    });
    const run = consumer.run();
    await consumer.drain(60_000);
    await consumer.stop();
    await run;
    output.end();
    expect(await lines).not.toContain('S3CRET');
    expect(await lines).toContain(hash('S3CRET@copied'));
    await source.drop();
  });

  it('is neither in what stream() gives nor in what it keeps on disk meanwhile', async () => {
    await filled();
    const spoolDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-spool-'));
    let seen = '';
    let onDisk = 0;
    for await (const transaction of stream({
      source: source.url,
      slot: source.slot,
      redact: RULES,
      spoolDirectory,
      maxMemoryBytes: 0,
    })) {
      for await (const record of transaction.changes) {
        seen += record.toJsonText();
        // While it is read the file is there.
        for (const bytes of openFilesBelow(spoolDirectory)) {
          onDisk += bytes.length;
          expect(bytes.includes('S3CRET')).toBe(false);
        }
      }
      if (seen.includes(hash('S3CRET@copied'))) break;
    }
    expect(seen).not.toContain('S3CRET');
    if (process.platform === 'linux') expect(onDisk).toBeGreaterThan(1_000);
    fs.rmSync(spoolDirectory, { recursive: true });
    await source.drop();
  });
});

/** The contents of this process's open files that were made in a folder, also of those whose name is gone. */
function openFilesBelow(folder: string): Buffer[] {
  if (process.platform !== 'linux') return [];
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      if (!fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder)) return [];
      return [fs.readFileSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}
