import { readStatement } from './read-statement.js';
import { StatementCache } from './statement-cache.js';
import { StatementCursor } from './statement-cursor.js';

export type StatementKind = 'read' | 'write' | 'unknown' | 'alone' | 'transaction';
export type TransactionEffect = 'begin' | 'end' | 'chain' | 'savepoint' | 'release' | 'rollback-to' | 'mode';
export type CopySide = 'from' | 'to' | 'from-server-file' | 'to-server-file';

export interface Statement {
  readonly kind: StatementKind;
  readonly start: number;
  readonly end: number;
  readonly effect?: TransactionEffect;
  readonly copy?: CopySide;
  readonly hasParameters: boolean;
}

export interface Classified {
  readonly statements: readonly Statement[];
  readonly single: boolean;
  readonly hasParameters: boolean;
  readonly confident: boolean;
}

const caches = { unknown: new StatementCache(), on: new StatementCache(), off: new StatementCache() };

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
  return { statements, single: statements.length === 1, hasParameters, confident: !cursor.isBroken };
}

function isSame(one: Classified, other: Classified): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
