import { createConsumer } from '@colophon/core';

const [source, slot] = process.argv.slice(2);
let changes = 0;
const sink = {
  open: async () => null,
  // Slower than the source, so that the consumer has to wait.
  write: async (parts) => {
    for (const part of parts) changes += part.changes.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
  },
  flush: async () => {},
  close: async () => {},
};
const consumer = createConsumer({ source, slot, sink });
consumer.on('stored', () => void consumer.stop());
await consumer.run();
process.send({ changes, maxRssMb: Math.round(process.resourceUsage().maxRSS / 1024) });
process.disconnect();
