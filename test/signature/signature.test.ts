import { runWithContext } from '@colophon/context';
import { stream } from '@colophon/core';
import { instrument } from '@colophon/pg';
import { emissionSigner, type Sink } from '@colophon/protocol';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { createSignedSource, KEY, NEXT_KEY, type SignedSource } from './signed-source.js';

let signed: SignedSource;
beforeEach(async () => {
  signed = await createSignedSource(inject('serverUrl'));
});
afterEach(async () => {
  // Whatever happens in a test: no key is ever told.
  expect(signed.told.join()).not.toMatch(/the-key-of/);
  await signed.drop();
});

const insert = (title: string) => signed.pool.query('INSERT INTO todo (title) VALUES ($1)', [title]);
const HOUR_MS = 3_600_000;

/** What the application would have signed at another time. */
function signedAt(atMs: number, context: string): string {
  vi.useFakeTimers({ toFake: ['Date'], now: atMs });
  try {
    return emissionSigner(KEY)('colophon', new URL(signed.source.url).pathname.slice(1), context);
  } finally {
    vi.useRealTimers();
  }
}

describe('verified is true', () => {
  it('for what the application writes, in every way it can, as often as it does', async () => {
    const { pool } = signed;
    await signed.source.client.query(
      `CREATE FUNCTION put(t text) RETURNS void LANGUAGE sql AS 'INSERT INTO todo (title) VALUES (t)'`,
    );
    const me = { user: 42, name: "é'\\" };
    await runWithContext(me, async () => {
      await insert('values');
      await insert('the same context again');
      await pool.query(`INSERT INTO todo (title) VALUES ('simple')`);
      await pool.query(
        `SELECT 1; INSERT INTO todo (title) VALUES ('several'); SELECT put('several trailed')`,
      );
      await pool.query(`SELECT put('trailed')`);
      await pool.query({ name: 'named', text: `INSERT INTO todo (title) VALUES ('named')` });
      await pool.query({ name: 'named2', text: 'INSERT INTO todo (title) VALUES ($1)', values: ['named 2'] });
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query(`INSERT INTO todo (title) VALUES ('in a transaction')`);
      await client.query(`SAVEPOINT a`);
      await runWithContext({ user: 43 }, () => client.query(`INSERT INTO todo (title) VALUES ('undone')`));
      await client.query('ROLLBACK TO a');
      await client.query(`INSERT INTO todo (title) VALUES ('after rollback to')`);
      await runWithContext({ user: 44 }, () => client.query(`INSERT INTO todo (title) VALUES ('another')`));
      await runWithContext({}, () => client.query(`INSERT INTO todo (title) VALUES ('nobody, said so')`));
      await client.query('COMMIT');
      client.release();
      await Promise.all(Array.from({ length: 50 }, (_, i) => insert(`at once ${i}`)));
    });
    const reports = await signed.consume();
    const verified = await signed.verified();
    expect(Object.entries(verified).filter(([, value]) => value !== true)).toEqual([]);
    expect(Object.keys(verified)).toHaveLength(62);
    expect(reports).toEqual([]);
  });

  it('for every key that is accepted, while one follows another', async () => {
    const next = instrument(new pg.Pool({ connectionString: signed.source.url }), {
      sign: { key: NEXT_KEY },
    });
    await runWithContext({ user: 1 }, async () => {
      await insert('old');
      await next.query(`INSERT INTO todo (title) VALUES ('new')`);
    });
    await signed.consume({ signature: { keys: [NEXT_KEY, KEY] } });
    expect(await signed.verified()).toEqual({ old: true, new: true });
    await runWithContext({ user: 1 }, async () => {
      await insert('old after its end');
      await next.query(`INSERT INTO todo (title) VALUES ('new still')`);
    });
    await next.end();
    const reports = await signed.consume({ signature: { keys: [NEXT_KEY] } });
    expect(await signed.verified()).toMatchObject({ 'old after its end': false, 'new still': true });
    expect(reports[0]?.refusals).toEqual({ 'unknown key': 1 });
  });

  it('for a transaction that comes again after a crash, before or after it was stored', async () => {
    const { pool } = signed;
    await runWithContext({ user: 1 }, async () => {
      await insert('first');
      // The last: by its commit the source is known again, though nothing of it but the nonce is stored.
      await pool.query(`UPDATE todo SET title = 'x' WHERE id = -1`);
    });
    let flushes = 0;
    const failing = (store: Sink): Sink => {
      const flush: Sink['flush'] = async (position) => {
        // Once nothing is stored, once it is but nobody hears of it.
        if (flushes++ === 0) throw new Error('crashed before');
        await store.flush(position);
        if (flushes === 2) throw new Error('crashed after');
      };
      return new Proxy(store, {
        get(target, key) {
          if (key === 'flush') return flush;
          const member = Reflect.get(target, key, target);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
    };
    expect(await signed.consume({}, failing)).toEqual([]);
    expect(flushes).toBe(2);
    expect(await signed.verified()).toEqual({ first: true });
    await runWithContext({ user: 1 }, () => pool.query(`INSERT INTO todo (title) VALUES ('second')`));
    expect(await signed.consume()).toEqual([]);
    expect(await signed.verified()).toEqual({ first: true, second: true });
    expect(await signed.stored('SELECT reason FROM colophon.gaps')).toEqual([]);
  });

  it('for applications whose clocks differ from the database’s by as much as the window, and once each', async () => {
    const now = Date.now();
    const ahead = signedAt(now + HOUR_MS - 60_000, '{"user":1}');
    const slow = signedAt(now - HOUR_MS + 60_000, '{"user":2}');
    const slower = signedAt(now - HOUR_MS + 59_000, '{"user":3}');
    await signed.attack('ahead', ahead);
    await signed.attack('slow', slow);
    await signed.consume();
    // By what the store remembers.
    await signed.attack('slower', slower);
    for (const [index, one] of [ahead, slow, slower].entries()) await signed.attack(`copied ${index}`, one);
    const [report] = await signed.consume();
    expect(await signed.verified()).toEqual({
      ahead: true,
      slow: true,
      slower: true,
      'copied 0': false,
      'copied 1': false,
      'copied 2': false,
    });
    expect(report?.refusals).toEqual({ replayed: 1 });
  });

  it('also where the store puts records aside, and so stores one by one', async () => {
    await signed.drop();
    signed = await createSignedSource(inject('serverUrl'), 'LATIN1');
    await runWithContext({ user: 1 }, async () => {
      await insert('漢');
      await insert('stored');
    });
    await runWithContext({ user: '漢' }, () => insert('its context put aside'));
    const [emission] = await signed.spy();
    await signed.attack('forged', '{"user":1}');
    await signed.consume();
    await signed.attack('copied', emission!);
    await signed.consume();
    expect(await signed.verified()).toEqual({
      stored: true,
      'its context put aside': true,
      forged: false,
      copied: false,
    });
    expect(await signed.stored('SELECT what FROM colophon.unstored ORDER BY seq')).toEqual([
      { what: 'change' },
      { what: 'context' },
    ]);
  });
});

it('verified is null where nothing was emitted, and where no signature is asked for', async () => {
  await signed.source.client.query(`INSERT INTO todo (title) VALUES ('psql')`);
  await signed.consume();
  await runWithContext({ user: 1 }, () => insert('not asked'));
  await signed.consume({ signature: undefined as never });
  expect(await signed.verified()).toEqual({ psql: null, 'not asked': null });
});

describe('verified is false, and told', () => {
  it('for what is forged, altered, or copied into another transaction', async () => {
    await runWithContext({ user: 'admin' }, () => insert('mine'));
    const [emission] = await signed.spy();
    const { content } = emission!;
    await signed.attack('unsigned', '{"user":"admin"}');
    await signed.attack('nobody, unsigned', '{}');
    await signed.attack('no json', 'x');
    await signed.attack('altered', content.replace('admin', 'root!'));
    await signed.attack(
      'wrong key',
      emissionSigner({ ...KEY, secret: 'another-secret-0123456789' })(
        'colophon',
        new URL(signed.source.url).pathname.slice(1),
        '{"user":"admin"}',
      ),
    );
    await signed.attack('other key id', emissionSigner({ ...KEY, id: 'mine' })('colophon', '', '{}'));
    await signed.attack('other database', emissionSigner(KEY)('colophon', 'other', '{"user":"admin"}'));
    await signed.attack('copied', content);
    await signed.attack('copied, as what trails', { prefix: 'colophon.trail', content });
    await signed.attack('copied behind', `{"user":"admin",${content.slice(1)}`);
    await signed.attack('copied with a space', content.replace('{', '{ '));
    const reports = await signed.consume();
    const { mine, ...others } = await signed.verified();
    expect(mine).toBe(true);
    expect(Object.entries(others).filter(([, value]) => value !== false)).toEqual([]);
    expect(Object.keys(others)).toHaveLength(11);
    // Many are one report, then one at the end.
    expect(reports.length).toBeLessThanOrEqual(2);
    const sum: Record<string, number> = {};
    for (const { refusals } of reports) {
      for (const [refusal, count] of Object.entries(refusals)) sum[refusal] = (sum[refusal] ?? 0) + count;
    }
    expect(sum).toEqual({ unsigned: 5, altered: 4, 'unknown key': 1, replayed: 1 });
    expect(signed.told.join()).toContain("a signature that isn't right");
  });

  it('for a copy in the same transaction, also of a signature that its transaction holds', async () => {
    const client = await signed.pool.connect();
    await runWithContext({ user: 1 }, async () => {
      await client.query('BEGIN');
      await client.query(`INSERT INTO todo (title) VALUES ('mine')`);
    });
    await client.query('COMMIT');
    const [emission] = await signed.spy();
    await runWithContext({ user: 2 }, async () => {
      await client.query('BEGIN');
      await client.query(`INSERT INTO todo (title) VALUES ('mine too')`);
    });
    await runWithContext({ user: 1 }, () =>
      client.query(`SELECT pg_logical_emit_message(true, 'colophon', $1)`, [emission!.content]),
    );
    await client.query('COMMIT');
    client.release();
    const fresh = emissionSigner(KEY)('colophon', new URL(signed.source.url).pathname.slice(1), '{"user":3}');
    await signed.attack('twice in one', fresh, fresh);
    await signed.consume();
    expect(await signed.verified()).toEqual({ mine: true, 'mine too': true, 'twice in one': false });
  });

  it('for a copy after the consumer was started again, also of what changed no row', async () => {
    await runWithContext({ user: 'admin' }, async () => {
      await insert('mine');
      await signed.pool.query(`UPDATE todo SET title = 'x' WHERE id = -1`);
    });
    const stolen = await signed.spy();
    expect(stolen).toHaveLength(2);
    await signed.consume();
    for (const [index, emission] of stolen.entries()) await signed.attack(`copied ${index}`, emission);
    const reports = await signed.consume();
    expect(await signed.verified()).toEqual({ mine: true, 'copied 0': false, 'copied 1': false });
    expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(2);
  });

  it('for a copy out of order, and for whatever was signed before the window or after it', async () => {
    const now = Date.now();
    const slow = signedAt(now - HOUR_MS / 2, '{"user":1}');
    await signed.attack('slow', slow);
    await signed.attack('later', signedAt(now, '{"user":2}'));
    await signed.attack('slow, copied', slow);
    await signed.attack('slower than the window', signedAt(now - HOUR_MS - 60_000, '{"user":3}'));
    await signed.attack('from the future', signedAt(now + HOUR_MS + 60_000, '{"user":4}'));
    const reports = await signed.consume();
    expect(await signed.verified()).toEqual({
      slow: true,
      later: true,
      'slow, copied': false,
      'slower than the window': false,
      'from the future': false,
    });
    expect(reports.at(-1)?.refusals).not.toEqual({});
  });

  it('for a copy of what was forgotten meanwhile, whatever the window is then', async () => {
    const now = Date.now();
    const old = signedAt(now - 30 * 60_000, '{"user":1}');
    await signed.attack('old', old);
    await signed.consume();
    await signed.attack('new', signedAt(now, '{"user":2}'));
    const short = { keys: [KEY], windowMs: 10 * 60_000 };
    await signed.consume({ signature: short });
    // Here it is forgotten: nothing but the new one is kept.
    await signed.consume({ signature: short });
    expect(await signed.stored('SELECT signer FROM colophon.signature_nonces')).toHaveLength(1);
    await signed.attack('old, copied', old);
    await signed.consume({ signature: { keys: [KEY], windowMs: HOUR_MS } });
    expect(await signed.verified()).toEqual({ old: true, new: true, 'old, copied': false });
  });

  it('in stream() as well, within one run', async () => {
    await runWithContext({ user: 1 }, () => insert('mine'));
    const [emission] = await signed.spy();
    await signed.attack('copied', emission!);
    const seen: (readonly [unknown, boolean | null, unknown])[] = [];
    for await (const transaction of stream({
      source: signed.source.url,
      slot: signed.source.slot,
      signature: { keys: [KEY] },
    })) {
      for await (const { after, verified, context } of transaction.changes)
        seen.push([after.title, verified, context]);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual([
      ['mine', true, { user: 1 }],
      ['copied', false, { user: 1 }],
    ]);
  });
});
