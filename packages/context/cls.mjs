export * from './dist/cls.js';
