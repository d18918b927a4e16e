/** How much a line matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What a line of talk is about, for programs: names and numbers, never row data, context or a secret. */
export interface LogFacts {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** An error's code. */
  readonly code?: string;
  readonly state?: string;
  readonly slot?: string;
  readonly source?: string;
  readonly environment?: string;
  /** A position, as PostgreSQL writes it. */
  readonly lsn?: string;
  readonly transactions?: number;
  readonly changes?: number;
  readonly changesPerSecond?: number;
  readonly delayMs?: number | null;
  readonly retainedBytes?: number;
  readonly lagBytes?: number | null;
  readonly sqlstate?: string;
  readonly address?: string;
  /** Of a gap. */
  readonly reason?: string;
}

/** The levels, the least first. */
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

const KEYS: Record<Exclude<keyof LogFacts, 'level'>, 'string' | 'number'> = {
  code: 'string',
  state: 'string',
  slot: 'string',
  source: 'string',
  environment: 'string',
  lsn: 'string',
  transactions: 'number',
  changes: 'number',
  changesPerSecond: 'number',
  delayMs: 'number',
  retainedBytes: 'number',
  lagBytes: 'number',
  sqlstate: 'string',
  address: 'string',
  reason: 'string',
};

/** Of whatever a library says about something, only what is named here and is no more than a name or a number. */
export function knownFacts(details: object): LogFacts {
  const facts: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(details)) {
    if (Object.hasOwn(KEYS, key) && typeof value === KEYS[key as keyof typeof KEYS]) facts[key] = value;
  }
  return facts;
}
