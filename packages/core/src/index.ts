export type { Consumer } from './consumer.js';
export { createConsumer } from './consumer.js';
export type { ConsumerOptions, SourceOptions } from './consumer-options.js';
export type { ConsumerEvents, ConsumerState, ConsumerStatus } from './consumer-status.js';
