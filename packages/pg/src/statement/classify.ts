import { readStatement } from './read-statement.js';
import type { Classified, Statement } from './statement.js';
import { StatementCache } from './statement-cache.js';
import { StatementCursor } from './statement-cursor.js';

export type { Classified, Statement, StatementKind, TransactionEffect } from './statement.js';

const caches = { unknown: new StatementCache(), on: new StatementCache(), off: new StatementCache() };

/**
 * Cuts a text into statements exactly as PostgreSQL 14 to 18 does, and says of each what it can do. Never throws; linear in the
 * text; a text in use is found in a cache, which keeps none that is long.
 *
 * `standardConformingStrings` is the server's setting of that name, which it reports with every change. Without it both
 * readings of a backslash before a quote in a plain literal are tried, and where both are SQL and differ, the answer is not `confident`.
 */
export function classify(text: string, standardConformingStrings?: boolean): Classified {
  const cache =
    standardConformingStrings === undefined
      ? caches.unknown
      : standardConformingStrings
        ? caches.on
        : caches.off;
  const known = cache.get(text);
  if (known !== undefined) return known;
  const classified = classifyAnew(text, standardConformingStrings);
  cache.set(text, classified);
  return classified;
}

function classifyAnew(text: string, standardConformingStrings: boolean | undefined): Classified {
  if (standardConformingStrings !== undefined) return readAll(text, !standardConformingStrings);
  const standard = readAll(text, false);
  if (!text.includes("\\'")) return standard;
  const escaping = readAll(text, true);
  // a reading that the server can only refuse runs nothing, so the other one decides
  if (!escaping.confident) return standard;
  if (!standard.confident) return escaping;
  return isSame(standard, escaping) ? standard : { ...standard, confident: false };
}

function readAll(text: string, backslashEscapes: boolean): Classified {
  const cursor = new StatementCursor(text, backslashEscapes);
  const statements: Statement[] = [];
  let hasParameters = false;
  while (cursor.nextStatement()) {
    const statement = readStatement(cursor);
    statements.push(statement);
    hasParameters ||= statement.hasParameters;
  }
  return {
    statements,
    single: statements.length === 1,
    hasParameters,
    confident: !cursor.isBroken && !text.includes('\0'),
  };
}

function isSame(one: Classified, other: Classified): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
