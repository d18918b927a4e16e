import fs from 'node:fs';
import { ColophonError } from '@colophon/protocol';
import type { ImportMapping } from './mapping.js';

type Kind = 'column' | 'column or value' | 'columns' | 'texts' | 'operations' | 'keys' | 'context';
const KINDS: Readonly<Record<keyof ImportMapping, Kind>> = {
  id: 'column',
  database: 'column or value',
  schema: 'column or value',
  table: 'column or value',
  tables: 'texts',
  operation: 'column or value',
  operations: 'operations',
  before: 'column',
  after: 'column',
  row: 'column',
  changed: 'column',
  object: 'column',
  objectChanges: 'column',
  key: 'columns',
  keys: 'keys',
  keyValue: 'column',
  committedAt: 'column',
  queuedAt: 'column',
  createdAt: 'column',
  timeZone: 'column',
  transactionId: 'column',
  position: 'column',
  context: 'context',
};
const WANTED: Readonly<Record<Kind, string>> = {
  column: 'a name',
  'column or value': 'a column, or { "value": "…" }',
  columns: 'a list of names',
  texts: 'an object of texts',
  operations: 'an object of CREATE, UPDATE, DELETE, TRUNCATE or null',
  keys: 'an object of lists of names',
  context: 'a column, or an object of columns',
};
const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', 'TRUNCATE'];
const NEEDED = ['id', 'table', 'operation', 'committedAt'] as const;
/** Of these three ways to say what a row was, one. */
const IMAGES = [
  ['before', 'after'],
  ['row', 'changed'],
  ['object', 'objectChanges'],
] as const;

/** Reads a mapping file. Throws `INVALID_OPTION`. */
export function readMapping(file: string): Partial<ImportMapping> {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<ImportMapping>;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(`${file} can't be read: ${code ?? 'it is no JSON'}`);
  }
}

/** A mapping over the preset's, checked. Throws `INVALID_OPTION`, naming the key. */
export function parseMapping(given: unknown, preset: Partial<ImportMapping> = {}): ImportMapping {
  if (!isObject(given)) throw invalid('The mapping is no object');
  // Images of another kind take the preset's place.
  const own = IMAGES.find((names) => names.some((name) => given[name] !== undefined));
  const kept = Object.entries(preset).filter(
    ([name]) =>
      own === undefined ||
      !IMAGES.some((names) => names !== own && (names as readonly string[]).includes(name)),
  );
  const mapping: Record<string, unknown> = { ...Object.fromEntries(kept), ...given };
  for (const [name, value] of Object.entries(mapping)) {
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name as keyof ImportMapping] : undefined;
    if (kind === undefined) {
      throw invalid(
        `The mapping has an unknown key ${JSON.stringify(name)}: known are ${Object.keys(KINDS).join(', ')}`,
      );
    }
    if (!fits(value, kind)) throw invalid(`The mapping's ${name} is wrong, wanted ${WANTED[kind]}`);
  }
  const missing = NEEDED.find((name) => mapping[name] === undefined);
  if (missing !== undefined) throw invalid(`The mapping has no ${missing}`);
  const ways = IMAGES.filter((names) => names.some((name) => mapping[name] !== undefined));
  if (ways.length !== 1 || (mapping.changed !== undefined && mapping.row === undefined)) {
    throw invalid(
      'The mapping says what a row was in one way: before and after, row and changed, or object and objectChanges',
    );
  }
  return mapping as unknown as ImportMapping;
}

function fits(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'column':
      return isName(value);
    case 'column or value':
      return isName(value) || isValue(value);
    case 'columns':
      return isNames(value);
    case 'texts':
      return isObject(value) && Object.values(value).every(isName);
    case 'operations':
      return (
        isObject(value) &&
        Object.values(value).every((one) => one === null || OPERATIONS.includes(one as string))
      );
    case 'keys':
      return isObject(value) && Object.values(value).every(isNames);
    case 'context':
      return (
        isName(value) || (isObject(value) && Object.values(value).every((one) => isName(one) || isValue(one)))
      );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isName);
}

function isValue(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 1 && typeof value.value === 'string';
}

function invalid(what: string): ColophonError {
  return new ColophonError('INVALID_OPTION', `${what}.`);
}
