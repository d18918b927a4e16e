export { checkInstrumentOptions, instrument, setInstrumentDefaults, uninstrument } from './instrument.js';
export type {
  EmissionShape,
  InstrumentOptions,
  ShapedEmission,
  ShapedMessage,
  SigningOptions,
} from './options.js';
