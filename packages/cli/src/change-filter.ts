import { ColophonError, type Operation } from '@colophon/protocol';
import { parseTableNames, type TableName } from '@colophon/setup';
import { parseDuration } from './duration.js';

/** The flags that choose changes, as the parser gives them. */
export interface FilterFlags {
  table?: string;
  key?: string;
  operation?: string;
  context?: string[];
  since?: string;
  until?: string;
  environment?: string;
  name?: string;
}

/** Which changes are wanted. Absent: all. */
export interface ChangeFilter {
  readonly tables?: readonly TableName[];
  /** The primary key: as `primary_key` shows it, or columns and values as JSON. */
  readonly key?: string;
  readonly operations?: readonly Operation[];
  /** JSON objects that the context must contain, each. */
  readonly contexts?: readonly string[];
  /** ISO 8601 with a zone, as exact as it was given. */
  readonly since?: string;
  readonly until?: string;
  readonly environment?: string;
  readonly source?: string;
  readonly database?: string;
}

const OPERATIONS: Record<string, Operation> = {
  CREATE: 'CREATE',
  INSERT: 'CREATE',
  UPDATE: 'UPDATE',
  DELETE: 'DELETE',
  TRUNCATE: 'TRUNCATE',
};

/** Reads the flags; `now` is what times like `2h` count back from. Throws `INVALID_OPTION`. */
export function parseFilter(flags: FilterFlags, now: Date): ChangeFilter {
  return {
    ...(flags.table === undefined ? {} : { tables: parseTableNames(flags.table) }),
    ...(flags.key === undefined ? {} : { key: flags.key }),
    ...(flags.operation === undefined ? {} : { operations: flags.operation.split(',').map(parseOperation) }),
    ...(flags.context === undefined ? {} : { contexts: flags.context.map(parseContext) }),
    ...(flags.since === undefined ? {} : { since: parseTime(flags.since, '--since', now) }),
    ...(flags.until === undefined ? {} : { until: parseTime(flags.until, '--until', now) }),
    ...(flags.environment === undefined ? {} : { environment: flags.environment }),
    ...(flags.name === undefined ? {} : { source: flags.name }),
  };
}

function parseOperation(text: string): Operation {
  const operation = OPERATIONS[text.trim().toUpperCase()];
  if (operation !== undefined) return operation;
  throw new ColophonError(
    'INVALID_OPTION',
    `--operation is CREATE, UPDATE, DELETE or TRUNCATE, got ${JSON.stringify(text)}.`,
  );
}

/** `user=42` → `{"user":42}`, `user=anna` → `{"user":"anna"}`: JSON where it is some, else text. Digits stay as they are. */
function parseContext(text: string): string {
  const split = text.indexOf('=');
  if (split < 1) {
    throw new ColophonError(
      'INVALID_OPTION',
      `--context looks like user=42 or role=admin, got ${JSON.stringify(text)}.`,
    );
  }
  const value = text.slice(split + 1);
  return `{${JSON.stringify(text.slice(0, split))}:${isJson(value) ? value : JSON.stringify(value)}}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.(\d{1,6}))?)?)\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** A point in time: a date or time (local unless a zone is given), or a span back from now. */
function parseTime(text: string, option: string, now: Date): string {
  const match = ISO.exec(text.trim());
  if (match !== null) {
    const [, day, clock = '00:00', fraction, zone = ''] = match;
    const offset = /^[+-]\d\d$/.test(zone)
      ? `${zone}:00`
      : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2').toUpperCase();
    const at = new Date(`${day}T${clock}${offset}`);
    // Microseconds are more than a Date holds.
    if (!Number.isNaN(at.getTime())) {
      return fraction === undefined ? at.toISOString() : at.toISOString().replace(/\.\d+/, `.${fraction}`);
    }
  } else if (/^\d+(\.\d+)?\s*(ms|s|m|h|d)$/.test(text.trim())) {
    return new Date(now.getTime() - parseDuration(text, option)).toISOString();
  }
  throw new ColophonError(
    'INVALID_OPTION',
    `${option} is a time like 2026-11-23, 2026-11-23T10:00Z or 2h (ago), got ${JSON.stringify(text)}.`,
  );
}

/** A count of at least `least`. Throws `INVALID_OPTION`. */
export function parseCount(text: string, option: string, least: number): number {
  const count = Number(text);
  if (/^\d{1,9}$/.test(text) && count >= least) return count;
  throw new ColophonError(
    'INVALID_OPTION',
    `${option} is a whole number from ${least} on, got ${JSON.stringify(text)}.`,
  );
}
