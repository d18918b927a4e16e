import { createConsumer } from '@colophon/core';
import { expect, inject, it } from 'vitest';
import { slowNetwork } from '../slow-network.js';
import { RecordingSink } from './recording-sink.js';
import { createSource } from './source-fixture.js';

const VALUE_BYTES = 8e6;
const BYTES_PER_SECOND = 2e6;
const SILENCE_MS = 1_000;

it('a row that takes longer to arrive than silence is borne is no silence', async () => {
  const source = await createSource(inject('serverUrl'));
  const network = await slowNetwork(source.url, BYTES_PER_SECOND);
  const sink = new RecordingSink();
  const consumer = createConsumer({
    source: network.url,
    slot: source.slot,
    sink,
    silenceTimeoutMs: SILENCE_MS,
  });
  const warnings: string[] = [];
  consumer.on('warning', (error) => warnings.push(error.code));
  try {
    await source.client.query(`INSERT INTO todo (title) VALUES (repeat('x', $1))`, [VALUE_BYTES]);
    const startedAt = performance.now();
    const running = consumer.run();
    running.catch(() => {});
    await consumer.drain();
    expect(performance.now() - startedAt).toBeGreaterThan(2 * SILENCE_MS);
    await consumer.stop();
    await running;
    expect(warnings).toEqual([]);
    expect(sink.stored.map(({ after }) => after.length > VALUE_BYTES)).toEqual([true]);
  } finally {
    await consumer.stop();
    await network.close();
    await source.drop();
  }
});
