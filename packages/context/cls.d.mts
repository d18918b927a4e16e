export * from './dist/cls.js';
export { default } from './dist/cls.js';
