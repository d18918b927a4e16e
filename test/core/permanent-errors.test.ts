import fs from 'node:fs';
import path from 'node:path';
import { createConsumer } from '@colophon/core';
import { createDatabase, dropDatabase, freePort, launchPostgres } from '@colophon/testkit';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { RecordingSink } from './recording-sink.js';
import { createSource, type SourceFixture } from './source-fixture.js';

let source: SourceFixture;
beforeEach(async () => {
  source = await createSource(inject('serverUrl'));
});
afterEach(() => source.drop());

const native = nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major);
const outcome = (options: {
  source?: string;
  slot?: string;
  publication?: string;
  connectTimeoutMs?: number;
}) => {
  const sink = new RecordingSink();
  const run = createConsumer({
    source: source.url,
    slot: source.slot,
    connectTimeoutMs: 10_000,
    ...options,
    sink,
  }).run();
  return run.then(
    () => {
      throw new Error('it did not fail');
    },
    (error) => {
      expect(sink.stored).toEqual([]);
      expect(error.message).toMatch(/^[^\n]{20,300}\.$/);
      return { code: error.code, retryable: error.retryable };
    },
  );
};
const changed = (change: (url: URL) => void): string => {
  const url = new URL(source.url);
  change(url);
  return url.href;
};

describe('what trying again cannot mend ends a run in one line', () => {
  it('of the source’s catalog', async () => {
    const { client, slot } = source;
    expect(await outcome({ slot: 'no_such_slot' })).toEqual({ code: 'SLOT_MISSING', retryable: false });
    expect(await outcome({ publication: 'nope' })).toEqual({ code: 'PUBLICATION_MISSING', retryable: false });
    await client.query(`SELECT pg_create_logical_replication_slot($1, 'test_decoding')`, [`${slot}_plugin`]);
    expect(await outcome({ slot: `${slot}_plugin` })).toEqual({
      code: 'SLOT_WRONG_PLUGIN',
      retryable: false,
    });
    const other = await createDatabase(inject('serverUrl'));
    const there = new pg.Client({ connectionString: other });
    await there.connect();
    await there.query('CREATE PUBLICATION colophon');
    await there.end();
    expect(await outcome({ source: other })).toEqual({ code: 'SLOT_WRONG_DATABASE', retryable: false });
    await dropDatabase(other);
  });

  it('of a publication that is younger than the slot', async () => {
    const { client, slot } = source;
    await client.query('DROP PUBLICATION colophon');
    await client.query("INSERT INTO todo (title) VALUES ('unpublished')");
    await client.query('CREATE PUBLICATION colophon FOR ALL TABLES');
    const { rows } = await client.query("SELECT current_setting('server_version_num')::int / 10000 AS major");
    // 18 passes over it in silence: what doctor warns of.
    if (rows[0].major >= 18) return;
    expect(await outcome({ slot })).toEqual({ code: 'PUBLICATION_MISSING', retryable: false });
  });

  it('of the login', async () => {
    const { client, slot } = source;
    const role = `${slot}_role`;
    expect(await outcome({ source: changed((url) => (url.username = 'nobody_here')) })).toMatchObject({
      code: 'AUTHENTICATION_FAILED',
    });
    await client.query(`CREATE ROLE ${role} LOGIN`);
    expect(await outcome({ source: changed((url) => (url.username = role)) })).toEqual({
      code: 'PRIVILEGE_MISSING',
      retryable: false,
    });
    await client.query(`DROP ROLE ${role}`);
    expect(await outcome({ source: changed((url) => (url.pathname = '/no_such_database')) })).toEqual({
      code: 'DATABASE_MISSING',
      retryable: false,
    });
    const url = changed((it) => (it.port = '1'));
    expect(await outcome({ source: url, connectTimeoutMs: 200 })).toMatchObject({
      code: 'CONNECTION_FAILED',
    });
  });

  it('of options', () => {
    const sink = new RecordingSink();
    for (const wrong of [{ source: 'nonsense' }, { slot: '' }, { prefixes: [] }, { batchChanges: -1 }]) {
      expect(() => createConsumer({ source: source.url, sink, ...wrong })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      );
    }
  });
});

describe('a server of its own', () => {
  it('without logical decoding, with a password, and with a slot whose WAL is gone', async () => {
    const server = await launchPostgres({ native, settings: { max_slot_wal_keep_size: '1MB' } });
    try {
      const client = new pg.Client({ connectionString: server.url() });
      await client.connect();
      await client.query('CREATE TABLE todo (id int PRIMARY KEY, title text)');
      await client.query('CREATE PUBLICATION colophon FOR TABLE todo');
      await client.query("SELECT pg_create_logical_replication_slot('colophon', 'pgoutput')");
      for (let segment = 0; segment < 4; segment++) {
        await client.query(
          "INSERT INTO todo SELECT g, repeat('x', 1000) FROM generate_series($1::int, $1 + 999) g",
          [segment * 1_000],
        );
        await client.query('SELECT pg_switch_wal()');
      }
      await client.query('CHECKPOINT');
      const options = { source: server.url(), slot: 'colophon' };
      expect(await outcome(options)).toEqual({ code: 'SLOT_INVALIDATED', retryable: false });
      await client.query("SELECT pg_drop_replication_slot('colophon')");
      await client.end();
      await server.restart({ wal_level: 'replica' });
      expect(await outcome(options)).toEqual({ code: 'WAL_LEVEL', retryable: false });
      fs.writeFileSync(path.join(server.dataDir, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
      await server.restart();
      // None in the URL; and one that the role doesn't have.
      for (const login of ['postgres', 'postgres:wrong']) {
        const url = server.url().replace('postgres@', `${login}@`);
        expect(await outcome({ ...options, source: url })).toEqual({
          code: 'AUTHENTICATION_FAILED',
          retryable: false,
        });
      }
    } finally {
      await server.stop();
    }
  });

  it('that starts late is waited for, and one that comes back is found again', async () => {
    const port = await freePort();
    const sink = new RecordingSink();
    const consumer = createConsumer({ source: `postgres://postgres@127.0.0.1:${port}/postgres`, sink });
    const run = consumer.run();
    const server = await launchPostgres({ native, port });
    try {
      const client = new pg.Client({ connectionString: server.url() });
      client.on('error', () => {});
      await client.connect();
      await client
        .query(`CREATE TABLE todo (id int PRIMARY KEY); CREATE PUBLICATION colophon FOR TABLE todo`)
        .catch(() => {});
      await client.query("SELECT pg_create_logical_replication_slot('colophon', 'pgoutput')").catch(() => {});
      // It may have come between: a missing slot is for good.
      const again = createConsumer({ source: server.url(), sink });
      const settled = await Promise.race([
        run.catch(() => 'ended'),
        consumer.drain(20_000).then(
          () => 'streams',
          () => 'ended',
        ),
      ]);
      const [used, running] = settled === 'streams' ? [consumer, run] : [again, again.run()];
      await client.query('INSERT INTO todo VALUES (1)');
      await used.drain(20_000);
      await client.end();
      await server.halt('immediate');
      await server.restart();
      const later = new pg.Client({ connectionString: server.url() });
      await later.connect();
      await later.query('INSERT INTO todo VALUES (2)');
      await later.end();
      await used.drain(20_000);
      await used.stop();
      await running;
      expect(sink.stored.map(({ primaryKey }) => primaryKey)).toEqual(['1', '2']);
    } finally {
      await server.stop();
    }
  });
});
