import { runWithContext } from '@colophon/context';
import { type InstrumentOptions, instrument, setInstrumentDefaults } from '@colophon/pg';
import type { ColophonError } from '@colophon/protocol';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openSlot } from './decoded.js';

let url: string;
let slot: Awaited<ReturnType<typeof openSlot>>;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  slot = await openSlot(url, 'shape');
  await slot.client.query(
    `CREATE TABLE t (v text); CREATE FUNCTION f(x text) RETURNS void LANGUAGE sql AS 'INSERT INTO t VALUES (x)';`,
  );
  await slot.entries();
});
afterAll(async () => {
  await slot.close();
  await dropDatabase(url);
});

const as = <T>(user: string, fn: () => T) => runWithContext({ user }, fn);
const MESSAGE = /^message: transactional: (\d) prefix: (.*?), sz: \d+ content:([\s\S]*)$/;

async function withClient(
  options: InstrumentOptions,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<string[]> {
  const client = instrument(new pg.Client({ connectionString: url }), options);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
  return decoded();
}

/** What a reader of the log is given since the last call: `prefix content` of messages, the value of rows. */
async function decoded(): Promise<string[]> {
  return (await slot.entries()).flatMap((entry) => {
    const message = MESSAGE.exec(entry);
    if (message !== null) return [`${message[1]} ${message[2]} ${message[3]}`];
    const row = /INSERT: v\[text\]:'(.*)'$/.exec(entry);
    return row === null ? [] : [row[1]!];
  });
}

/** Sequin's rule, as its documentation says it: an annotation is in force from where it is set until it is cleared, set anew, or the transaction ends. */
async function annotated(): Promise<[string, unknown][]> {
  const rows: [string, unknown][] = [];
  let annotations: unknown = null;
  for (const entry of await slot.entries()) {
    const [, transactional, prefix, content] = MESSAGE.exec(entry) ?? [];
    if (entry.startsWith('BEGIN')) annotations = null;
    else if (prefix === 'sequin:transaction_annotations.set') {
      expect(transactional).toBe('1');
      annotations = JSON.parse(content!);
    } else if (prefix === 'sequin:transaction_annotations.clear') annotations = null;
    else {
      const row = /INSERT: v\[text\]:'(.*)'$/.exec(entry);
      if (row !== null) rows.push([row[1]!, annotations]);
    }
  }
  return rows;
}

describe('the shape of Sequin’s annotations', () => {
  const sequin = (work: (client: pg.Client) => Promise<unknown>) => {
    const client = instrument(new pg.Client({ connectionString: url }), { shape: 'sequin' });
    return client
      .connect()
      .then(() => work(client))
      .finally(() => client.end())
      .then(annotated);
  };

  it('names what each statement writes, and nothing of a neighbour’s in the same transaction', async () => {
    const rows = await sequin(async (client) => {
      await as('anna', () => client.query('INSERT INTO t VALUES ($1)', ['values']));
      await as('anna', () => client.query("INSERT INTO t VALUES ('text')"));
      await as('ben', () => client.query("INSERT INTO t VALUES ('first'); INSERT INTO t VALUES ('second')"));
      await client.query('BEGIN');
      await as('anna', () => client.query("INSERT INTO t VALUES ('in a transaction')"));
      await client.query("INSERT INTO t VALUES ('nobody')");
      await as('ben', () => client.query("INSERT INTO t VALUES ('another')"));
      await as('ben', () => client.query("SELECT f('by a function, after a write')"));
      await client.query('COMMIT');
      await client.query("INSERT INTO t VALUES ('nobody again')");
    });
    expect(rows).toEqual([
      ['values', { user: 'anna' }],
      ['text', { user: 'anna' }],
      ['first', { user: 'ben' }],
      ['second', { user: 'ben' }],
      ['in a transaction', { user: 'anna' }],
      ['nobody', null],
      ['another', { user: 'ben' }],
      ['by a function, after a write', { user: 'ben' }],
      ['nobody again', null],
    ]);
  });

  it('names nobody, rather than somebody else, where only the server knows that a statement writes', async () => {
    const rows = await sequin(async (client) => {
      await as('anna', () => client.query("SELECT f('alone')"));
      await client.query('BEGIN');
      await as('anna', () => client.query("SELECT f('first of a transaction')"));
      // What was said too late for the one before is in force for this one.
      await as('anna', () => client.query("INSERT INTO t VALUES ('same')"));
      await as('ben', () => client.query("SELECT f('another')"));
      await client.query("SELECT f('nobody')");
      await client.query('COMMIT');
    });
    expect(rows).toEqual([
      ['alone', null],
      ['first of a transaction', null],
      ['same', { user: 'anna' }],
      ['another', { user: 'ben' }],
      ['nobody', null],
    ]);
  });

  it('is what setInstrumentDefaults, and so every adapter, passes on', async () => {
    setInstrumentDefaults({ shape: 'sequin' });
    try {
      const rows = await withClient({}, (client) =>
        as('anna', () => client.query("INSERT INTO t VALUES ('default')")),
      );
      expect(rows).toEqual(['1 sequin:transaction_annotations.set {"user":"anna"}', 'default']);
    } finally {
      setInstrumentDefaults({});
    }
  });
});

describe('the shape that Debezium reads as it is', () => {
  it('is a transactional message under the prefix, JSON in ASCII, before what it names; .trail after it', async () => {
    const rows = await withClient({ prefix: 'audit' }, async (client) => {
      await as('ännä', () => client.query("INSERT INTO t VALUES ('led')"));
      await as('anna', () => client.query("SELECT f('trailed')"));
    });
    expect(rows).toEqual([
      '1 audit {"user":"\\u00e4nn\\u00e4"}',
      'led',
      'trailed',
      '1 audit.trail {"user":"anna"}',
    ]);
  });
});

describe('a shape of one’s own', () => {
  const shape: InstrumentOptions['shape'] = ({ kind, context }) => ({
    prefix: `own.${kind}`,
    content: JSON.stringify({ who: (JSON.parse(context) as { user?: string }).user ?? null, über: true }),
  });

  it('gives prefix and content of every emission, on every way that one goes out', async () => {
    const rows = await withClient({ shape }, async (client) => {
      await as('anna', () => client.query('INSERT INTO t VALUES ($1)', ['values']));
      await as('anna', () => client.query("SELECT 1; INSERT INTO t VALUES ('several')"));
      await as('anna', () => client.query("SELECT f('function')"));
      await as('anna', () =>
        client.query({ name: 'n', text: 'INSERT INTO t VALUES ($1)', values: ['named'] }),
      );
    });
    const content = '{"who":"anna","\\u00fcber":true}';
    expect(rows).toEqual([
      `1 own.lead ${content}`,
      'values',
      `1 own.lead ${content}`,
      'several',
      'function',
      `1 own.trail ${content}`,
      `1 own.lead ${content}`,
      'named',
    ]);
  });

  it.each([
    () => {
      throw new Error('secret');
    },
    () => ({ prefix: '', content: '{}' }),
    () => ({ prefix: 'a\0b', content: '{}' }),
    () => ({ prefix: 'a', content: 7 }) as never,
    () => undefined as never,
    () => Promise.reject(new Error('secret')) as never,
  ])('never costs the application its write: %#', async (broken) => {
    const told: ColophonError[] = [];
    const rows = await withClient(
      { shape: broken, onContextError: (error) => told.push(error) },
      async (client) => {
        await as('anna', () => client.query("INSERT INTO t VALUES ('a')"));
        await as('anna', () => client.query("INSERT INTO t VALUES ('b')"));
      },
    );
    expect(rows.filter((row) => row.length === 1)).toEqual(['a', 'b']);
    expect(rows[0]).toBe('1 colophon {"colophon.error":"the shape function failed"}');
    expect(told.map(({ code }) => code)).toEqual(['CONTEXT_FAILED']);
  });
});

it.each([
  { shape: 'debezium' as never },
  { shape: 'sequin', prefix: 'audit' } as const,
  { shape: 'sequin', sign: { key: { id: 'k', secret: 'x'.repeat(32) } } } as const,
])('refuses what can’t be: %j', (options) => {
  expect(() => instrument(new pg.Client(), options)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION' }),
  );
});
