// What `colophon run` is, but for its patience: a dead connection is given up after a second and a half, not sixty.
import { parseArgs } from 'node:util';
import { createConsumer } from '@colophon/core';
import { PostgresStore } from '@colophon/store';

const PATIENCE_MS = 1_500;
const { values } = parseArgs({
  allowPositionals: true,
  options: { source: { type: 'string' }, store: { type: 'string' }, slot: { type: 'string' } },
});
const consumer = createConsumer({
  source: values.source,
  slot: values.slot,
  sink: new PostgresStore({ url: values.store, answerTimeoutMs: PATIENCE_MS }),
  silenceTimeoutMs: PATIENCE_MS,
});
consumer.on('warning', (error) => process.stderr.write(`${error.message}\n`));
process.on('SIGTERM', () => consumer.stop());
await consumer.run();
