// A consumer in a process where `@opentelemetry/api` can't be found.
const Module = require('node:module');

let asked = false;
const resolve = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) => {
  if (request !== '@opentelemetry/api') return resolve(request, ...rest);
  asked = true;
  throw Object.assign(new Error(`Cannot find module '${request}'`), { code: 'MODULE_NOT_FOUND' });
};

const { createConsumer } = require('@colophon/core');

const [source, slot] = process.argv.slice(2);
const sink = { open: async () => null, write: async () => {}, flush: async () => {}, close: async () => {} };

async function main() {
  const consumer = createConsumer({ source, slot, sink });
  const run = consumer.run();
  await consumer.drain(20_000);
  await consumer.stop();
  await run;
  console.log(JSON.stringify({ asked, changes: consumer.status().changes }));
}

void main();
