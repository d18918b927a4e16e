export type { ColophonExtension, ColophonOptions } from './colophon.js';
export { colophon } from './colophon.js';
