import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { type AuditTransaction, createConsumer, ndjsonSink, stream, transactionSink } from '@colophon/core';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { createSource, type SourceFixture } from './source-fixture.js';

let source: SourceFixture;
beforeEach(async () => {
  source = await createSource(inject('serverUrl'));
});
afterEach(() => source.drop());

const titles = async (transaction: AuditTransaction): Promise<unknown[]> => {
  const found: unknown[] = [];
  for await (const record of transaction.changes) found.push(record.after.title);
  return found;
};
const options = () => ({ source: source.url, slot: source.slot });

describe('stream', () => {
  it('acknowledges a transaction when the next is asked for, and not the one in which the loop is left', async () => {
    for (const title of ['one', 'two', 'three']) {
      await source.client.query('INSERT INTO todo (title) VALUES ($1)', [title]);
    }
    const seen: unknown[] = [];
    for await (const transaction of stream(options())) {
      seen.push(...(await titles(transaction)));
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(['one', 'two']);
    await expect(async () => {
      for await (const transaction of stream(options())) {
        seen.push(...(await titles(transaction)));
        if (seen.length === 4) throw new Error('the application failed');
      }
    }).rejects.toThrow('the application failed');
    expect(seen).toEqual(['one', 'two', 'two', 'three']);
    for await (const transaction of stream(options())) {
      seen.push(...(await titles(transaction)));
      break;
    }
    expect(seen.at(-1)).toBe('three');
  });

  it('keeps a large transaction on disk, resolves a trailing emission for all of it, and leaves no file', async () => {
    const spoolDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-test-'));
    await source.client.query('BEGIN');
    await source.client.query(
      'INSERT INTO todo (title, n) SELECT g::text, g FROM generate_series(1, 20000) g',
    );
    await source.client.query(`SELECT pg_logical_emit_message(true, 'colophon.trail', '{"user":7}')`);
    await source.client.query('COMMIT');
    let count = 0;
    for await (const transaction of stream({ ...options(), spoolDirectory, maxMemoryBytes: 100_000 })) {
      expect(transaction.changeCount).toBe(20_000);
      for await (const record of transaction.changes) {
        expect(record.contextJson).toBe('{"user":7}');
        expect(record.after.title).toBe(String(++count));
        expect(record.sequence).toBe(count - 1);
      }
      break;
    }
    expect(count).toBe(20_000);
    expect(fs.readdirSync(spoolDirectory)).toEqual([]);
    fs.rmdirSync(spoolDirectory);
  });

  it('refuses changes of a transaction that is over', async () => {
    await source.client.query("INSERT INTO todo (title) VALUES ('one'), ('two')");
    await source.client.query("INSERT INTO todo (title) VALUES ('three')");
    let earlier: AuditTransaction | undefined;
    for await (const transaction of stream(options())) {
      if (earlier !== undefined) break;
      earlier = transaction;
    }
    expect(() => earlier?.changes[Symbol.asyncIterator]()).toThrow(/while it is being handled/);
  });

  it('rejects with what is wrong with the source', async () => {
    const iterator = stream({ source: source.url, slot: 'no_such_slot' })[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toMatchObject({ code: 'SLOT_MISSING' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });
});

describe('transactionSink', () => {
  it('gives a transaction again where the handler fails, and acknowledges it only when it does not', async () => {
    await source.client.query("INSERT INTO todo (title) VALUES ('one')");
    let calls = 0;
    const ids: string[] = [];
    const sink = transactionSink(async (transaction) => {
      for await (const record of transaction.changes) ids.push(record.id);
      if (++calls < 3) throw new Error('not yet');
    });
    const consumer = createConsumer({ ...options(), sink });
    const run = consumer.run();
    await consumer.drain(20_000);
    await consumer.stop();
    await run;
    expect(calls).toBe(3);
    expect(new Set(ids).size).toBe(1);
  });
});

describe('ndjsonSink', () => {
  it('writes every digit, and the columns of colophon.changes', async () => {
    const output = new PassThrough();
    const consumer = createConsumer({ ...options(), sink: ndjsonSink(output), environment: 'test' });
    const run = consumer.run();
    await source.client.query(
      "INSERT INTO todo (id, title, n) VALUES (9007199254740993, E'a\\nb', 0.10000000000000000000001)",
    );
    await consumer.drain(10_000);
    await consumer.stop();
    await run;
    output.end();
    const text = output.read().toString() as string;
    expect(text.split('\n')).toHaveLength(2);
    expect(text).toContain('"after":{"id":9007199254740993,"title":"a\\nb","n":0.10000000000000000000001}');
    expect(Object.keys(JSON.parse(text))).toEqual(
      'id,seq,source,environment,database,schema,table,partition,primary_key,key,operation,before,after,unchanged,context,verified,committed_at,queued_at,created_at,transaction_id,position,commit_lsn,timeline,sequence'.split(
        ',',
      ),
    );
    expect(JSON.parse(text)).toMatchObject({
      environment: 'test',
      primary_key: '9007199254740993',
      operation: 'CREATE',
    });
  });

  it('waits for a slow reader, and ends with one line where the output is closed', async () => {
    const output = new PassThrough({ highWaterMark: 1_000 });
    const consumer = createConsumer({ ...options(), sink: ndjsonSink(output) });
    const run = consumer.run();
    run.catch(() => {});
    await source.client.query('INSERT INTO todo (title) SELECT g::text FROM generate_series(1, 5000) g');
    await once(output, 'readable');
    expect(consumer.status().storedLsn).toBe(0n);
    output.destroy();
    await expect(run).rejects.toMatchObject({ code: 'SINK_FAILED', retryable: false });
  });
});
