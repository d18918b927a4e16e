export { checkInstrumentOptions, instrument, setInstrumentDefaults, uninstrument } from './instrument.js';
export type { InstrumentOptions, SigningOptions } from './options.js';
