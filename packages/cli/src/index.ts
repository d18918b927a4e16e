export type { ColophonConfig } from './config.js';
export { defineConfig } from './config.js';
