import fs from 'node:fs';
import { runWithContext } from '@colophon/context';
import { instrument, setInstrumentDefaults } from '@colophon/pg';
import { type ColophonError, redactedHash } from '@colophon/protocol';
import { createDatabase, dropDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { filesHolding } from './where-it-is.js';

const KEY = { id: 'k1', secret: 'a-secret-for-hashing-0123456789' };
const CONTEXT = {
  user: { id: 7, mail: 'S3CRET@mail é' },
  token: 'S3CRET-token',
  headers: { authorization: 'S3CRET-bearer', agent: 'curl' },
  list: [{ pin: 'S3CRET-pin', n: 1 }],
};
const REDACT = {
  'user.mail': 'hash',
  token: 'drop',
  'headers.authorization': { by: 'mask', mask: '–' },
  'list.pin': 'drop',
} as const;

let server: PostgresServer;
let url: string;
beforeAll(async () => {
  server = await launchPostgres({
    native: nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major),
    settings: { log_statement: 'all', log_min_duration_statement: 0 },
  });
  url = await createDatabase(server.url());
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE TABLE todo (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text);
    CREATE FUNCTION put(t text) RETURNS void LANGUAGE sql AS 'INSERT INTO todo (title) VALUES (t)'`);
  await client.query(`SELECT pg_create_logical_replication_slot('spy', 'test_decoding')`);
  await client.end();
});
afterAll(async () => {
  await dropDatabase(url);
  await server.stop();
});

/** The contexts that were emitted since this was last asked, as they lie in the log. */
async function emitted(): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ data: string }>(
    `SELECT data FROM pg_logical_slot_get_changes('spy', NULL, NULL)`,
  );
  await client.end();
  return rows.flatMap(({ data }) => /^message: .*? content:(.*)$/s.exec(data)?.[1] ?? []);
}

async function withPool(
  options: Parameters<typeof instrument>[1],
  work: (pool: pg.Pool) => Promise<void>,
): Promise<void> {
  const pool = instrument(new pg.Pool({ connectionString: url }), options);
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
}

describe('a redacted context', () => {
  it('is nowhere in the log, in whatever way the write is sent', async () => {
    await withPool({ redact: REDACT, redactionKey: KEY }, async (pool) => {
      await runWithContext(CONTEXT, async () => {
        await pool.query('INSERT INTO todo (title) VALUES ($1)', ['a']);
        await pool.query(`INSERT INTO todo (title) VALUES ('b')`);
        await pool.query(`SELECT 1; INSERT INTO todo (title) VALUES ('c')`);
        await pool.query(`SELECT put('d')`);
        const client = await pool.connect();
        await client.query('BEGIN');
        await client.query(`INSERT INTO todo (title) VALUES ('e')`);
        await client.query('COMMIT');
        client.release();
      });
    });
    const contexts = await emitted();
    expect(contexts).toHaveLength(5);
    for (const context of contexts) {
      expect(context).toMatch(/^[\x20-\x7e]*$/);
      expect(JSON.parse(context)).toEqual({
        user: { id: 7, mail: redactedHash(CONTEXT.user.mail, KEY) },
        headers: { authorization: '–', agent: 'curl' },
        list: [{ n: 1 }],
      });
    }
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('CHECKPOINT');
    await client.end();
    // Data and WAL; then the server's own log, which has each statement with its values.
    expect(filesHolding(server.dataDir, ['S3CRET', KEY.secret])).toEqual([]);
    expect(filesHolding(server.dataDir, [redactedHash(CONTEXT.user.mail, KEY)])).not.toEqual([]);
    const log = fs.readFileSync(server.logFile, 'utf8');
    expect(log).not.toContain('S3CRET');
    expect(log).toContain(redactedHash(CONTEXT.user.mail, KEY));
  });

  it('is what the filter leaves; whatever that throws, the write goes on and the hook is told once', async () => {
    const told: ColophonError[] = [];
    const filterContext = (context: Record<string, unknown>) => {
      if (context.user === 'trouble') throw new Error('S3CRET in a message');
      return context.user === undefined ? null : { user: context.user };
    };
    await withPool({ filterContext, onContextError: (error) => void told.push(error) }, async (pool) => {
      const put = (context: Record<string, unknown>) =>
        runWithContext(context, () => pool.query('INSERT INTO todo (title) VALUES ($1)', ['f']));
      await put({ user: 1, token: 'S3CRET' });
      await put({ token: 'S3CRET' });
      await put({ user: 'trouble' });
      await put({ user: 'trouble' });
    });
    expect(await emitted()).toEqual([
      '{"user":1}',
      '{"colophon.error":"the context filter threw"}',
      '{"colophon.error":"the context filter threw"}',
    ]);
    expect(told.map(({ code }) => code)).toEqual(['CONTEXT_FAILED']);
    expect(told[0]?.message).not.toContain('S3CRET');
    expect(String(told[0]?.cause)).toContain('S3CRET');
  });

  it('fails neither where the hook throws nor where the filter gives what is no context', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => void warnings.push(warning);
    process.on('warning', listen);
    const thrower = () => {
      throw new Error('a hook that throws');
    };
    await withPool({ filterContext: thrower, onContextError: thrower }, async (pool) => {
      await runWithContext({ user: 1 }, () => pool.query('INSERT INTO todo (title) VALUES ($1)', ['g']));
    });
    await withPool({ filterContext: () => 'text' as never }, async (pool) => {
      await runWithContext({ user: 1 }, () => pool.query('INSERT INTO todo (title) VALUES ($1)', ['h']));
    });
    process.off('warning', listen);
    expect(await emitted()).toEqual([
      '{"colophon.error":"the context filter threw"}',
      '{"colophon.error":"context is not an object"}',
    ]);
    expect(warnings.map(({ message }) => message)).toEqual(['a hook that throws']);
  });

  it('keeps Colophon’s own words, whatever the rules say', async () => {
    const options = { redact: { '*': 'drop' } } as const;
    await withPool({ ...options, context: () => 'text' as never }, async (pool) => {
      await pool.query('INSERT INTO todo (title) VALUES ($1)', ['i']);
    });
    await withPool(options, async (pool) => {
      await runWithContext({ user: 1 }, () => pool.query('INSERT INTO todo (title) VALUES ($1)', ['j']));
    });
    expect(await emitted()).toEqual(['{"colophon.error":"context is not an object"}']);
  });

  it('loses no name for the size of what is left out, and none for a hidden key that has dots', async () => {
    await withPool({ redact: { body: 'drop', 'headers.*': 'mask' } }, async (pool) => {
      const context = { user: 1, body: 'S3CRET'.repeat(20_000), 'headers.authorization': 'S3CRET' };
      await runWithContext(context, () => pool.query('INSERT INTO todo (title) VALUES ($1)', ['i']));
    });
    expect(await emitted()).toEqual(['{"user":1,"headers.authorization":"***"}']);
  });

  it('is no promise: that is said, told once, and does not end the process', async () => {
    const told: ColophonError[] = [];
    const unheard: unknown[] = [];
    const listen = (reason: unknown) => void unheard.push(reason);
    process.on('unhandledRejection', listen);
    const later = async () => {
      throw new Error('S3CRET');
    };
    const put = (pool: pg.Pool) =>
      runWithContext({ user: 1 }, () => pool.query('INSERT INTO todo (title) VALUES ($1)', ['i']));
    await withPool(
      { filterContext: later as never, onContextError: (error) => void told.push(error) },
      async (pool) => {
        await put(pool);
        await put(pool);
      },
    );
    await withPool({ context: later as never }, async (pool) => void (await put(pool)));
    await withPool({ context: (async () => ({ user: 1 })) as never }, async (pool) => void (await put(pool)));
    process.off('unhandledRejection', listen);
    expect(await emitted()).toEqual([
      '{"colophon.error":"the context filter threw"}',
      '{"colophon.error":"the context filter threw"}',
      '{"colophon.error":"the context function gave a promise"}',
      '{"colophon.error":"the context function gave a promise"}',
    ]);
    expect(told.map(({ code, cause }) => `${code} ${cause}`)).toEqual([
      expect.stringMatching(/^CONTEXT_FAILED .*must not be async/),
    ]);
    expect(unheard).toEqual([]);
  });

  it('may be asked for once for the whole process', async () => {
    setInstrumentDefaults({ redact: { token: 'drop' }, sign: { key: KEY } });
    const context = { user: 1, token: 'S3CRET', other: 'S3CRET' };
    try {
      await withPool({}, async (pool) => {
        await runWithContext(context, () => pool.query('INSERT INTO todo (title) VALUES ($1)', ['k']));
      });
      await withPool({ redact: { other: 'mask' } }, async (pool) => {
        await runWithContext(context, () => pool.query('INSERT INTO todo (title) VALUES ($1)', ['l']));
      });
    } finally {
      setInstrumentDefaults({});
    }
    expect((await emitted()).map((text) => JSON.parse(text))).toEqual([
      { 'colophon.signature': expect.any(String), user: 1, other: 'S3CRET' },
      { 'colophon.signature': expect.any(String), user: 1, token: 'S3CRET', other: '***' },
    ]);
    expect(() => setInstrumentDefaults({ redact: { a: 'hash' } })).toThrow(/no key/);
  });

  it('rules and keys that are none are refused at once', () => {
    const pool = new pg.Pool({ connectionString: url });
    for (const options of [
      { redact: { a: 'hash' } },
      { redact: { a: 'hide' } },
      { redact: { a: 'hash' }, redactionKey: { id: 'k', secret: 'short' } },
      { sign: { key: { id: 'k', secret: 'short' } } },
      { sign: { key: { id: 'k', secret: '0123456789abcdef' }, audience: 'a\0b' } },
    ]) {
      expect(() => instrument(pool, options as never)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      );
    }
  });
});
