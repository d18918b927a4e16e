export { checkInstrumentOptions, instrument, uninstrument } from './instrument.js';
export type { InstrumentOptions } from './options.js';
