import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createConsumer } from '@colophon/core';
import { PostgresStore } from '@colophon/store';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
let source: TrackedDatabase;

beforeAll(async () => {
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  source = await trackDatabase(inject('serverUrl'), 'CREATE TABLE todo (id int PRIMARY KEY, title text)', {
    tables: 'todo',
  });
});
afterEach(() => exporter.reset());
afterAll(async () => {
  trace.disable();
  context.disable();
  await source.drop();
});

const spans = () =>
  exporter
    .getFinishedSpans()
    .map(({ name, attributes, status }) => ({ name, attributes, code: status.code }));

it('a connection and a flush are spans; what the sink traces is the flush’s child', async () => {
  const store = new PostgresStore({ url: source.storeUrl });
  const flush = store.flush.bind(store);
  store.flush = async (position) => {
    trace.getTracer('test').startSpan('inner').end();
    await flush(position);
  };
  const consumer = createConsumer({ source: source.url, slot: source.slot, sink: store });
  const run = consumer.run();
  await source.client.query(`INSERT INTO todo SELECT g, 'a title' FROM generate_series(1, 3000) g`);
  await consumer.drain(20_000);
  await consumer.stop();
  await run;
  const found = spans().filter(({ name }) => name.startsWith('colophon.'));
  expect(found.map(({ name }) => name)).toEqual(['colophon.connect', 'colophon.flush']);
  expect(found[0]).toMatchObject({ attributes: { 'colophon.slot': source.slot }, code: 0 });
  const { attributes } = found[1]!;
  expect(attributes).toMatchObject({ 'colophon.changes': 3000, 'colophon.transactions': 1 });
  expect(attributes['colophon.lsn']).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
  expect(attributes['colophon.bytes']).toBeGreaterThan(3000);
  expect(JSON.stringify(spans())).not.toContain('a title');
  const inner = exporter.getFinishedSpans().find(({ name }) => name === 'inner');
  const outer = exporter.getFinishedSpans().find(({ name }) => name === 'colophon.flush');
  expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
});

it('a failure is a span’s error, by its code alone', async () => {
  let fails = 2;
  const failing = {
    open: async () => null,
    write: async () => {},
    flush: async () => {
      if (fails-- > 0) throw new Error('the value hush is refused');
    },
    close: async () => {},
  };
  const consumer = createConsumer({ source: source.url, slot: source.slot, sink: failing });
  const run = consumer.run();
  await source.client.query(`INSERT INTO todo VALUES (0, 'hush')`);
  await consumer.drain(20_000);
  await consumer.stop();
  await run;
  const flushes = spans().filter(({ name }) => name === 'colophon.flush');
  expect(flushes.map(({ code, attributes }) => [code, attributes['error.type']])).toEqual([
    [2, 'SINK_FAILED'],
    [2, 'SINK_FAILED'],
    [0, undefined],
  ]);
  expect(JSON.stringify(exporter.getFinishedSpans().map((span) => [span.status, span.events]))).not.toContain(
    'hush',
  );
  exporter.reset();
  const unreachable = createConsumer({
    source: 'postgres://127.0.0.1:1/x',
    connectTimeoutMs: 1,
    sink: failing,
  });
  await expect(unreachable.run()).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  for (const span of spans()) {
    expect(span).toMatchObject({
      name: 'colophon.connect',
      code: 2,
      attributes: { 'error.type': 'CONNECTION_FAILED' },
    });
  }
  expect(spans().length).toBeGreaterThan(0);
});

it('works where the application has no OpenTelemetry', async () => {
  await source.client.query(`INSERT INTO todo VALUES (-1, 'x')`);
  // The API is a development dependency here: the child can't find it.
  const { stdout } = await promisify(execFile)(process.execPath, [
    new URL('./without-opentelemetry.child.cjs', import.meta.url).pathname,
    source.url,
    source.slot,
  ]);
  expect(JSON.parse(stdout)).toEqual({ asked: true, changes: 1 });
});
