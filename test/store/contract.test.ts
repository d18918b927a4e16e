import { grantRights, migrateStore, openStore, PostgresStore, STORE_VERSION } from '@colophon/store';
import { createDatabase, dropDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { FakeSource, positionAfter, SOURCE, TODO } from './fake-source.js';

const COLUMNS = [
  ['id', 'uuid'],
  ['seq', 'bigint'],
  ['source', 'text'],
  ['environment', 'text'],
  ['database', 'text'],
  ['schema', 'text'],
  ['table', 'text'],
  ['partition', 'text'],
  ['primary_key', 'text'],
  ['key', 'jsonb'],
  ['operation', 'text'],
  ['before', 'jsonb'],
  ['after', 'jsonb'],
  ['unchanged', 'text[]'],
  ['context', 'jsonb'],
  ['verified', 'boolean'],
  ['committed_at', 'timestamp with time zone'],
  ['queued_at', 'timestamp with time zone'],
  ['created_at', 'timestamp with time zone'],
  ['transaction_id', 'bigint'],
  ['position', 'bigint'],
  ['commit_lsn', 'pg_lsn'],
  ['timeline', 'integer'],
  ['sequence', 'integer'],
];

// Whichever server keeps the store.
describe.each<Major>([14, 15, 16, 17, 18])('the store on PostgreSQL %s', (major) => {
  let server: PostgresServer;
  let url: string;
  let client: pg.Client;

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major) });
    url = server.url();
    await migrateStore(url);
    client = new pg.Client({ connectionString: url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  it('has exactly the columns of the read contract', async () => {
    const { rows } = await client.query(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
       WHERE attrelid = 'colophon.changes'::regclass AND attnum > 0 ORDER BY attnum`,
    );
    expect(rows.map(({ name, type }) => [name, type])).toEqual(COLUMNS);
  });

  it('shows every column of a change', async () => {
    const source = new FakeSource();
    const part = source.transaction({
      xid: 4_294_967_295,
      committedAtMicros: 1_795_392_000_123_456n,
      contexts: ['{"user":42,"big":12345678901234567890.10}'],
      changes: [
        {
          relation: { ...TODO, table: 'event', partition: 'archive.event_2026' },
          operation: 'UPDATE',
          id: 7,
          before: '{"id":7,"n":12345678901234567890,"title":"a\\nb"}',
          after: '{"id":7,"n":-0.000100,"title":"\\\\.\\t\\"é😀"}',
          unchanged: ['body', 'odd "name", \\N'],
        },
      ],
    });
    const store = new PostgresStore({ url });
    expect(await store.open(SOURCE)).toBeNull();
    await store.write([part]);
    await store.flush(positionAfter(part));
    const { rows } =
      await client.query(`SELECT c.*, c.before::text AS before_text, c.after::text AS after_text,
      c.context::text AS context_text, extract(epoch FROM committed_at)::text AS committed,
      extract(epoch FROM queued_at)::text AS queued, created_at > now() - interval '1 minute' AS is_fresh
      FROM colophon.changes c`);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      seq: '1',
      source: 'shop',
      environment: 'test',
      database: 'shop',
      schema: 'public',
      table: 'event',
      partition: 'archive.event_2026',
      primary_key: '7',
      key: { id: 7 },
      operation: 'UPDATE',
      before_text: '{"n": 12345678901234567890, "id": 7, "title": "a\\nb"}',
      after_text: '{"n": -0.000100, "id": 7, "title": "\\\\.\\t\\"é😀"}',
      unchanged: ['body', 'odd "name", \\N'],
      context_text: '{"big": 12345678901234567890.10, "user": 42}',
      verified: null,
      committed: '1795392000.123456',
      queued: '1795392000.123000',
      is_fresh: true,
      transaction_id: '4294967295',
      position: String(part.changes[0]?.position),
      commit_lsn: '16/B374E848',
      timeline: 1,
      sequence: 0,
    });
    const reader = await openStore(url);
    const [row] = await reader.changes();
    const line = JSON.parse(row?.toJsonText() ?? '');
    expect(Object.keys(line)).toEqual(COLUMNS.map(([name]) => name));
    expect(row?.id).toBe(rows[0].id);
    expect(row?.toJsonText()).toContain('12345678901234567890,');
    expect(row?.committed_at).toBe('2026-11-23T00:00:00.123456+00:00');
    await reader.close();

    expect(await store.open(SOURCE)).toEqual(positionAfter(part));
    await store.close();
  });

  it('is asked as users asked before', async () => {
    const ask = async (where: string) =>
      (await client.query(`SELECT * FROM colophon.changes WHERE ${where} ORDER BY committed_at`)).rowCount;
    expect(await ask(`"table" = 'event' AND primary_key = '7'`)).toBe(1);
    expect(await ask(`context @> '{"user": 42}'`)).toBe(1);
    expect(await ask(`context ->> 'user' = '42' AND "before" ->> 'title' LIKE 'a%'`)).toBe(1);
    expect(await ask(`"after" ->> 'n' = '-0.000100' AND operation = 'UPDATE'`)).toBe(1);
    expect(await ask(`"table" = 'event' AND primary_key = '8'`)).toBe(0);
  });
});

describe('migrateStore', () => {
  let url: string;
  beforeAll(async () => {
    url = await createDatabase(inject('serverUrl'));
  });
  afterAll(() => dropDatabase(url));

  it('is missed, made once by many at the same time, and refused where it is newer', async () => {
    await expect(openStore(url)).rejects.toMatchObject({ code: 'STORE_MISSING' });
    await expect(new PostgresStore({ url }).open(SOURCE)).rejects.toMatchObject({ code: 'STORE_MISSING' });
    const results = await Promise.all([1, 2, 3, 4].map(() => migrateStore(url)));
    const version = results[0]?.to;
    expect(version).toBe(STORE_VERSION);
    expect(results.map(({ from }) => from).sort()).toEqual([0, version, version, version]);
    expect(await migrateStore(url)).toMatchObject({ from: version, to: version });

    const client = new pg.Client({ connectionString: url });
    await client.connect();
    expect(await migrateStore(client)).toMatchObject({ from: version, to: version });
    await client.query('DELETE FROM colophon.migrations; INSERT INTO colophon.migrations VALUES (99)');
    await expect(migrateStore(url)).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
    await expect(openStore(url)).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
    await expect(new PostgresStore({ url }).open(SOURCE)).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
    await client.query('UPDATE colophon.migrations SET version = $1', [version]);
    await client.end();
    await (await openStore(url)).close();
  });

  it('leaves nothing behind where it may not make a schema, and says so', async () => {
    const other = await createDatabase(inject('serverUrl'));
    const admin = new pg.Client({ connectionString: other });
    await admin.connect();
    const role = `plain_${process.pid}`;
    await admin.query(`CREATE ROLE ${role} LOGIN`);
    const asPlain = new URL(other);
    asPlain.username = role;
    await expect(migrateStore(asPlain.href)).rejects.toMatchObject({ code: 'PRIVILEGE_MISSING' });
    // An owner that can't log in makes the store; a role with rights on its objects writes.
    await admin.query(
      `CREATE ROLE ${role}_owner NOLOGIN; CREATE SCHEMA colophon AUTHORIZATION ${role}_owner`,
    );
    await admin.query(`SET ROLE ${role}_owner`);
    await migrateStore(admin);
    await grantRights(admin, 'consumer', role);
    await admin.query('RESET ROLE');
    const store = new PostgresStore({ url: asPlain.href });
    await store.open(SOURCE);
    const part = new FakeSource().transaction({ changes: [{}] });
    await store.write([part]);
    await store.flush(positionAfter(part));
    await store.close();
    expect((await admin.query('SELECT count(*)::int AS n FROM colophon.changes')).rows[0].n).toBe(1);
    await admin.query(`DROP OWNED BY ${role}, ${role}_owner; DROP ROLE ${role}, ${role}_owner`);
    await admin.end();
    await dropDatabase(other);
  });
});
