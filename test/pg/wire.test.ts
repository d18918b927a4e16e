import { once } from 'node:events';
import { runWithContext } from '@colophon/context';
import { instrument, uninstrument } from '@colophon/pg';
import {
  createDatabase,
  dropDatabase,
  findPgBouncer,
  launchPgBouncer,
  startProxy,
  type TcpProxy,
} from '@colophon/testkit';
import pg from 'pg';
import other from 'pg-other-copy';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openSlot } from './decoded.js';

let url: string;
let proxy: TcpProxy;
let slot: Awaited<ReturnType<typeof openSlot>>;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  const { hostname, port } = new URL(url);
  proxy = await startProxy({ host: hostname, port: Number(port) });
  slot = await openSlot(url, 'wire');
  await slot.client.query(
    `CREATE TABLE t (v text); CREATE FUNCTION f(x text) RETURNS void LANGUAGE sql AS 'INSERT INTO t VALUES (x)';`,
  );
  await slot.rows();
});
afterAll(async () => {
  await slot.close();
  await proxy.close();
  await dropDatabase(url);
});

const as = <T>(context: object, fn: () => T) => runWithContext(context as Record<string, unknown>, fn);

describe('no extra round trip', () => {
  const turnsOf = async (fn: () => Promise<unknown>) => {
    const [turns, requests] = [proxy.turns(), proxy.requests()];
    await fn();
    return { turns: proxy.turns() - turns, requests: proxy.requests() - requests };
  };
  const WRITES: Record<string, (client: pg.Client) => Promise<unknown>> = {
    values: (client) => client.query('INSERT INTO t VALUES ($1)', ['a']),
    text: (client) => client.query("INSERT INTO t VALUES ('a')"),
    named: (client) => client.query({ name: 'n', text: 'INSERT INTO t VALUES ($1)', values: ['a'] }),
    function: (client) => client.query('SELECT f($1)', ['a']),
    several: (client) => client.query("SELECT 1; INSERT INTO t VALUES ('a')"),
  };
  for (const [name, write] of Object.entries(WRITES)) {
    it(`an autocommit write is one turn, the first as well as the hundredth: ${name}`, async () => {
      const plain = new pg.Client({ connectionString: proxy.url(url) });
      await plain.connect();
      const ours = instrument(new pg.Client({ connectionString: proxy.url(url) }));
      await ours.connect();
      expect((await turnsOf(() => write(plain))).turns).toBe(1);
      for (let n = 0; n < 100; n++) {
        expect(await turnsOf(() => as({ n }, () => write(ours)))).toEqual({ turns: 1, requests: 1 });
      }
      await plain.end();
      await ours.end();
    });
  }

  it('BEGIN, 2 writes, COMMIT are four turns', async () => {
    const client = instrument(new pg.Client({ connectionString: proxy.url(url) }));
    await client.connect();
    for (const text of ['INSERT INTO t VALUES ($1)', 'SELECT f($1)']) {
      const transaction = async () => {
        await client.query('BEGIN');
        await client.query(text, ['a']);
        await client.query(text, ['b']);
        await client.query('COMMIT');
      };
      expect(await turnsOf(() => as({ user: 1 }, transaction))).toEqual({ turns: 4, requests: 4 });
    }
    await client.end();
  });
});

it('emits once a transaction a context, and gives reads no transaction id', async () => {
  const client = instrument(new pg.Client({ connectionString: url }));
  await client.connect();
  await slot.entries();
  await as({ user: 1 }, async () => {
    await client.query('SELECT 1');
    await client.query('SELECT pg_sleep(0)');
    const { rows } = await client.query('SELECT pg_current_xact_id_if_assigned() AS id');
    expect(rows[0].id).toBeNull();
    await client.query('BEGIN');
    for (const v of ['a', 'b', 'c']) await client.query('INSERT INTO t VALUES ($1)', [v]);
    await client.query('SELECT f($1)', ['d']);
    await client.query('COMMIT');
  });
  const entries = await slot.entries();
  expect(entries.filter((text) => text.startsWith('message'))).toEqual([
    'message: transactional: 1 prefix: colophon, sz: 10 content:{"user":1}',
  ]);
  expect(entries.filter((text) => text.startsWith('BEGIN'))).toHaveLength(1);
  await client.end();
});

const NASTY: Record<string, unknown> = {
  quote: `O'Reilly "double" ''`,
  backslash: "a\\b\\\\' \\u0041 \\x27",
  comment: '/* x */ -- y */ ; DROP TABLE t;',
  parameter: '$1 $$ $tag$ %s %L',
  unicode: 'é 日本語 \u{1f600}',
  lone: 'x\ud800y\udc00',
  nul: 'a\0b',
  newline: 'a\nb\r\tc\u2028',
  long: "'\\".repeat(15_000),
  'key \'"\\': 1,
};
const ARRIVES = { ...NASTY, lone: 'x\ufffdy\ufffd', nul: 'a\ufffdb' };

describe('no injection', () => {
  for (const [where, settings] of [
    ['a UTF8 database', []],
    [
      'standard_conforming_strings off',
      ['SET standard_conforming_strings = off', "SET backslash_quote = 'off'"],
    ],
    ['client_encoding SJIS', ["SET client_encoding = 'SJIS'"]],
  ] as const) {
    it(`every context arrives as it was, in the extended and the simple protocol: ${where}`, async () => {
      const client = instrument(new pg.Client({ connectionString: url }));
      await client.connect();
      for (const setting of settings) await client.query(setting);
      await slot.rows();
      const ways = [
        () => client.query('INSERT INTO t VALUES ($1)', ['a']),
        () => client.query("INSERT INTO t VALUES ('a')"),
        () => client.query("SELECT 1; INSERT INTO t VALUES ('a')"),
        () => client.query("SELECT 1; SELECT f('a')"),
        () => client.query('SELECT f($1)', ['a']),
      ];
      for (const way of [...ways, ...ways]) await as(NASTY, way);
      const rows = await slot.rows();
      expect(rows).toHaveLength(10);
      for (const row of rows) expect(JSON.parse(row.context)).toEqual(ARRIVES);
      await client.end();
    });
  }

  it('in a LATIN1 database', async () => {
    const admin = new pg.Client({ connectionString: url });
    await admin.connect();
    await admin.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'");
    const latin = new URL(url);
    latin.pathname = '/latin';
    const latinSlot = await openSlot(latin.href, 'latin');
    const client = instrument(new pg.Client({ connectionString: latin.href }));
    await client.connect();
    await client.query('CREATE TABLE t (v text)');
    await as(NASTY, () => client.query('INSERT INTO t VALUES ($1)', ['a']));
    await as(NASTY, () => client.query("SELECT 1; INSERT INTO t VALUES ('a')"));
    const rows = await latinSlot.rows();
    expect(rows.map((row) => JSON.parse(row.context))).toEqual([ARRIVES, ARRIVES]);
    await client.end();
    await latinSlot.close();
    await admin.query('DROP DATABASE latin');
    await admin.end();
  });

  it('with a context too large, a prefix of its own, a context function', async () => {
    const client = instrument(new pg.Client({ connectionString: url }), {
      prefix: `o'ther \\ é`,
      maxBytes: 100,
      context: () => ({ by: 'function', text: 'x'.repeat(size) }),
    });
    let size = 1;
    await client.connect();
    await slot.rows();
    await client.query('INSERT INTO t VALUES ($1)', ['a']);
    await client.query("SELECT 1; INSERT INTO t VALUES ('a')");
    size = 1000;
    await client.query('INSERT INTO t VALUES ($1)', ['a']);
    const rows = await slot.rows(`o'ther \\ é`);
    expect(rows.map((row) => JSON.parse(row.context))).toEqual([
      { by: 'function', text: 'x' },
      { by: 'function', text: 'x' },
      { 'colophon.error': expect.stringContaining('over the limit of 100') },
    ]);
    await client.end();
  });
});

describe('where the right to emit is not there', () => {
  const prepare = async () => {
    const database = await createDatabase(inject('serverUrl'));
    const admin = new pg.Client({ connectionString: database });
    await admin.connect();
    const { rows } = await admin.query(
      "SELECT oid::regprocedure::text AS f FROM pg_proc WHERE proname = 'pg_logical_emit_message'",
    );
    const role = `limited_${process.pid}_${Math.floor(performance.now())}`;
    await admin.query(`CREATE ROLE ${role} LOGIN; CREATE TABLE t (v text); GRANT ALL ON t TO ${role}`);
    const limited = new URL(database);
    limited.username = role;
    return {
      admin,
      url: limited.href,
      revoke: () => admin.query(rows.map(({ f }) => `REVOKE EXECUTE ON FUNCTION ${f} FROM PUBLIC`).join(';')),
      async end() {
        await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
        await admin.end();
        await dropDatabase(database);
      },
    };
  };
  const everything = async (client: pg.Client) => {
    await client.query('INSERT INTO t VALUES ($1)', ['a']);
    await client.query({ name: 'n', text: 'INSERT INTO t VALUES ($1)', values: ['named'] });
    await client.query("INSERT INTO t VALUES ('b')");
    await client.query("SELECT 1; INSERT INTO t VALUES ('c')");
    await client.query('SELECT pg_sleep(0)');
    await client.query('BEGIN');
    await client.query('INSERT INTO t VALUES ($1)', ['d']);
    await client.query('COMMIT');
  };

  for (const first of [
    'INSERT INTO t VALUES (1)',
    'SELECT pg_sleep(0)',
    'BEGIN; INSERT INTO t VALUES (1); COMMIT',
    'BEGIN',
  ]) {
    it(`nothing fails, and the hook is told once; first: ${first}`, async () => {
      const place = await prepare();
      await place.revoke();
      const told: unknown[] = [];
      const client = instrument(new pg.Client({ connectionString: place.url }), {
        onEmissionRefused: (error) => told.push(error.code),
      });
      await client.connect();
      await as({ user: 1 }, async () => {
        await client.query(first);
        if (first === 'BEGIN') {
          await client.query('INSERT INTO t VALUES (1)');
          await client.query('COMMIT');
        }
        await everything(client);
      });
      expect(told).toEqual(['PRIVILEGE_MISSING']);
      expect((await place.admin.query('SELECT count(*)::int FROM t')).rows[0].count).toBe(
        first.startsWith('SELECT') ? 5 : 6,
      );
      await client.end();
      await place.end();
    });
  }

  for (const [name, write] of Object.entries({
    values: (client: pg.Client) => client.query('INSERT INTO t VALUES ($1) RETURNING v', ['x']),
    named: (client: pg.Client) =>
      client.query({ name: 'w', text: 'INSERT INTO t VALUES ($1) RETURNING v', values: ['x'] }),
    text: (client: pg.Client) => client.query("INSERT INTO t VALUES ('x') RETURNING v"),
    read: (client: pg.Client) => client.query("SELECT 'x' AS v WHERE pg_sleep(0) IS NOT NULL"),
  })) {
    it(`revoked while it runs, an autocommit statement is sent again: ${name}`, async () => {
      const place = await prepare();
      const told: unknown[] = [];
      const client = instrument(new pg.Client({ connectionString: place.url }), {
        onEmissionRefused: (error) => told.push(error.code),
      });
      await client.connect();
      await as({ user: 1 }, async () => {
        for (let n = 0; n < 3; n++) await client.query('INSERT INTO t VALUES ($1)', ['before']);
        if (name === 'named') await write(client);
        await place.revoke();
        expect((await write(client)).rows).toEqual([{ v: 'x' }]);
        await everything(client);
      });
      expect(told).toEqual(['PRIVILEGE_MISSING']);
      await client.end();
      await place.end();
    });
  }
});

it('goes on after the application has thrown away all prepared statements, seen or unseen', async () => {
  const client = instrument(new pg.Client({ connectionString: url }));
  await client.connect();
  await slot.rows();
  await as({ user: 1 }, async () => {
    for (const discard of ['DISCARD ALL', 'DEALLOCATE ALL', "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$"]) {
      for (let n = 0; n < 3; n++) {
        await client.query('INSERT INTO t VALUES ($1)', ['a']);
        await client.query('SELECT f($1)', ['b']);
      }
      await client.query(discard);
    }
    await client.query('SELECT f($1)', ['b']);
  });
  const rows = await slot.rows();
  expect(rows.map((row) => row.context)).toEqual(Array(19).fill('{"user":1}'));
  await client.end();
});

it('leaves cancelled, timed-out and cut-off queries their own errors, and the next query works', async () => {
  const client = instrument(new pg.Client({ connectionString: url, query_timeout: 5000 }));
  await client.connect();
  await slot.rows();
  await as({ user: 1 }, async () => {
    await client.query("SET statement_timeout = '100ms'");
    await expect(client.query('INSERT INTO t SELECT pg_sleep(5)::text')).rejects.toMatchObject({
      code: '57014',
    });
    await client.query('SET statement_timeout = 0');
    await expect(
      client.query({ text: 'SELECT f(pg_sleep(0.4)::text)', query_timeout: 50 } as pg.QueryConfig),
    ).rejects.toThrow('Query read timeout');
    await client.query('INSERT INTO t VALUES ($1)', ['next']);
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    const sleeping = client.query('INSERT INTO t SELECT pg_sleep(20)::text');
    const failed = expect(sleeping).rejects.toMatchObject({ code: '57014' });
    while (
      (
        await slot.client.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'", [
          rows[0].pid,
        ])
      ).rowCount === 0
    );
    await slot.client.query('SELECT pg_cancel_backend($1)', [rows[0].pid]);
    await failed;
    await client.query('INSERT INTO t VALUES ($1)', ['last']);
    const dead = client.query('INSERT INTO t SELECT pg_sleep(20)::text');
    const broken = expect(dead).rejects.toThrow();
    const error = once(client as unknown as NodeJS.EventEmitter, 'error');
    while (
      (
        await slot.client.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'", [
          rows[0].pid,
        ])
      ).rowCount === 0
    );
    await slot.client.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    await broken;
    await error;
  });
  const written = await slot.rows();
  expect(written.map((row) => row.context)).toEqual(Array(3).fill('{"user":1}'));
});

it('works on a subclass, a pool with a Client of its own, another copy of pg, twice; and not after uninstrument', async () => {
  class Own extends pg.Client {
    override query(...args: unknown[]): never {
      return (super.query as (...given: unknown[]) => never)(...args);
    }
  }
  await slot.rows();
  for (const Pool of [pg.Pool, other.Pool as unknown as typeof pg.Pool]) {
    for (const options of Pool === pg.Pool ? [{}, { Client: Own }] : [{}]) {
      const pool = new Pool({ connectionString: url, ...options });
      expect(instrument(instrument(pool))).toBe(pool);
      await as({ user: 1 }, async () => {
        await pool.query('INSERT INTO t VALUES ($1)', ['pool']);
        const client = await pool.connect();
        instrument(client);
        await client.query('INSERT INTO t VALUES ($1)', ['client']);
        client.release();
      });
      uninstrument(pool);
      await as({ user: 1 }, () => pool.query('INSERT INTO t VALUES ($1)', ['none']));
      await pool.end();
    }
  }
  const rows = await slot.rows();
  expect(rows.map((row) => row.context)).toEqual(Array(3).fill(['{"user":1}', '{"user":1}', '{}']).flat());
});

it('refuses what it cannot serve in one line', () => {
  const native = Object.assign(Object.create({ _pulseQueryQueue() {}, query() {} }), {
    namedQueries: {},
    native: {},
  });
  expect(() => instrument(native)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_CLIENT' }));
  expect(() => instrument({})).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_CLIENT' }));
  expect(() => instrument(new pg.Client(), { prefix: '' })).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION' }),
  );
});

const hasPgBouncer = findPgBouncer() !== undefined || process.env.CI !== undefined;
describe.skipIf(!hasPgBouncer)('behind PgBouncer in transaction mode', () => {
  it('names every row by its caller, with 2 server connections and 8 clients', async () => {
    const bouncer = await launchPgBouncer(inject('serverUrl'));
    const pool = instrument(new pg.Pool({ connectionString: bouncer.url(url), max: 8 }));
    await slot.rows();
    await Promise.all(
      Array.from({ length: 200 }, (_, user) =>
        as({ user }, async () => {
          for (let n = 0; n < 3; n++) {
            await pool.query('INSERT INTO t VALUES ($1)', [user]);
            await pool.query('SELECT f($1)', [user]);
            await pool.query(`SELECT 1; INSERT INTO t VALUES ('${user}')`);
            const client = await pool.connect();
            await client.query('BEGIN');
            await client.query('SELECT f($1)', [user]);
            await client.query(`INSERT INTO t VALUES ('${user}')`);
            await client.query('COMMIT');
            client.release();
          }
        }),
      ),
    );
    const rows = await slot.rows();
    expect(rows).toHaveLength(200 * 3 * 5);
    expect(
      rows.filter((row) => row.context !== `{"user":${/v\[text\]:'(\d+)'/.exec(row.text)![1]}}`),
    ).toEqual([]);
    await pool.end();
    await bouncer.stop();
  });
});
