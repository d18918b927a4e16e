import { ColophonError, type Operation } from '@colophon/protocol';
import { parseTableNames } from '@colophon/setup';
import type { ChangeFilter, RowKey } from '@colophon/store';
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

const OPERATIONS: Record<string, Operation> = {
  CREATE: 'CREATE',
  INSERT: 'CREATE',
  UPDATE: 'UPDATE',
  DELETE: 'DELETE',
  TRUNCATE: 'TRUNCATE',
};

/** Reads the flags; `now` is what times like `2h` count back from. Throws `INVALID_OPTION`. */
export function parseFilter(flags: FilterFlags, now: Date): ChangeFilter {
  if (flags.key !== undefined && flags.table === undefined) {
    throw new ColophonError('INVALID_OPTION', '--key means something only in a table: give --table too.');
  }
  return {
    ...(flags.table === undefined ? {} : parseTable(flags.table)),
    ...(flags.key === undefined ? {} : { key: parseKey(flags.key) }),
    ...(flags.operation === undefined ? {} : { operation: flags.operation.split(',').map(parseOperation) }),
    ...(flags.context === undefined ? {} : { context: parseContext(flags.context) }),
    ...(flags.since === undefined ? {} : { from: parseTime(flags.since, '--since', now) }),
    ...(flags.until === undefined ? {} : { to: parseTime(flags.until, '--until', now) }),
    ...(flags.environment === undefined ? {} : { environment: flags.environment }),
    ...(flags.name === undefined ? {} : { source: flags.name }),
  };
}

function parseTable(text: string): { schema: string; table: string } {
  const names = parseTableNames(text);
  if (names.length === 1) return { schema: names[0]!.schema, table: names[0]!.name };
  throw new ColophonError(
    'INVALID_OPTION',
    `--table is one table, got ${names.length}: leave it out for all.`,
  );
}

/** A key of several columns is JSON: `{"order": 7, "line": 2}`. */
function parseKey(text: string): RowKey {
  if (!text.trimStart().startsWith('{')) return text;
  try {
    return JSON.parse(text) as RowKey;
  } catch {
    throw new ColophonError(
      'INVALID_OPTION',
      `--key is a primary key like 7, or its columns as JSON like {"id": 7}, got ${JSON.stringify(text)}.`,
    );
  }
}

function parseOperation(text: string): Operation {
  const operation = OPERATIONS[text.trim().toUpperCase()];
  if (operation !== undefined) return operation;
  throw new ColophonError(
    'INVALID_OPTION',
    `--operation is CREATE, UPDATE, DELETE or TRUNCATE, got ${JSON.stringify(text)}.`,
  );
}

/** `user=42` is a number, `user=anna` a text: JSON where it is some, else text. */
function parseContext(texts: readonly string[]): Record<string, unknown> {
  const context: Record<string, unknown> = {};
  for (const text of texts) {
    const split = text.indexOf('=');
    if (split < 1) {
      throw new ColophonError(
        'INVALID_OPTION',
        `--context looks like user=42 or role=admin, got ${JSON.stringify(text)}.`,
      );
    }
    Object.defineProperty(context, text.slice(0, split), {
      value: jsonOrText(text.slice(split + 1)),
      enumerable: true,
      configurable: true,
    });
  }
  return context;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
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
    // A Date makes 2 March of 30 February, and holds no microseconds.
    if (!Number.isNaN(at.getTime()) && isInCalendar(day!)) {
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

function isInCalendar(day: string): boolean {
  const at = new Date(`${day}T00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
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
