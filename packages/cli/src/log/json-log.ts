import pino from 'pino';
import { knownFacts, type LogFacts, type LogLevel } from './log-facts.js';

/** Writes a line of talk as one JSON object. */
export type JsonLog = (level: LogLevel, message: string, facts: LogFacts) => void;

/** Lines by pino: `level`, `time` (ISO 8601, UTC), `pid`, the facts by their names, `msg`. */
export function jsonLog(write: (line: string) => void, level: LogLevel): JsonLog {
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  return (lineLevel, message, facts) => logger[lineLevel](knownFacts(facts), message);
}
