import type { Relation } from '@colophon/protocol';
import { expect, it } from 'vitest';
import type { ColumnOptions } from '../columns/column-options.js';
import type { RelationMessage } from '../decode/message.js';
import { type RedactionRules, redactorsOf } from './redaction-rules.js';
import type { TableRedactor } from './table-redactor.js';

const redactorOf = (columns: ColumnOptions, rules?: RedactionRules): TableRedactor =>
  redactorsOf(rules, columns).tables!;

interface Described {
  readonly oid?: number;
  readonly root?: string | null;
  readonly rootOid?: number | null;
  /** The columns of today's catalog, by number. Default: others. */
  readonly today?: Readonly<Record<number, string>>;
  readonly isKnown?: boolean;
}

/** What is done to a table's columns when it is described so. */
function rulesOf(
  redactor: TableRedactor,
  name: string,
  columns: readonly string[],
  { oid = 1, root = null as string | null, rootOid = null as number | null, ...now }: Described = {},
): Record<string, string> {
  const [schema, table] = name.split('.') as [string, string];
  const [rootSchema, rootTable] = (root ?? name).split('.') as [string, string];
  const message: RelationMessage = {
    tag: 'relation',
    oid,
    schema,
    table,
    replicaIdentity: 'f',
    columns: columns.map((column) => ({ name: column, typeOid: 25, typeModifier: -1, isKey: true })),
  };
  const relation: Relation = { oid, schema: rootSchema, table: rootTable, partition: null, keyColumns: [] };
  const numbered = Object.entries(now.today ?? {}).map(([number, column]) => ({
    name: column,
    number: Number(number),
    isGenerated: false,
  }));
  const found =
    redactor.rulesFor(message, relation, { rootOid, columns: numbered }, now.isKnown ?? true) ?? new Map();
  return Object.fromEntries([...found].map(([column, { kind }]) => [column, kind]));
}

const missing = expect.objectContaining({ code: 'REDACTION_IMPOSSIBLE' });

it('takes the strictest of the rules by name and by pattern', () => {
  const redactor = redactorOf(
    { mask: ['*.pin'], exclude: ['secret_*.*'] },
    { tables: { person: { pin: 'drop' } } },
  );
  expect(rulesOf(redactor, 'public.person', ['id', 'pin'])).toEqual({ pin: 'drop' });
  expect(rulesOf(redactor, 'public.other', ['id', 'pin'], { oid: 2 })).toEqual({ pin: 'mask' });
  expect(rulesOf(redactor, 'x.secret_a', ['id', 'pin'], { oid: 3 })).toEqual({ id: 'drop', pin: 'drop' });
  expect(rulesOf(redactor, 'public.plain', ['id'], { oid: 4 })).toEqual({});
});

it('follows a column that a pattern has matched through renaming', () => {
  const redactor = redactorOf({ exclude: ['secret_*'] });
  const told: string[] = [];
  redactor.onRenamed = ({ column, redacted }) => told.push(`${column}: ${redacted.join()}`);
  expect(rulesOf(redactor, 'public.person', ['id', 'secret_a', 'note'])).toEqual({ secret_a: 'drop' });
  expect(rulesOf(redactor, 'public.person', ['id', 'code', 'note'])).toEqual({ code: 'drop' });
  expect(told).toEqual(['secret_a: code']);
  // A name that the pattern matches too is no news, and what is added under one is met.
  expect(rulesOf(redactor, 'public.person', ['id', 'secret_b', 'note', 'secret_c'])).toEqual({
    secret_b: 'drop',
    secret_c: 'drop',
  });
  expect(told).toHaveLength(1);
  expect(rulesOf(redactor, 'public.person', ['id', 'note', 'secret_c'])).toEqual({ secret_c: 'drop' });
});

it('follows a table that a pattern has matched through renaming, and a partition by its root', () => {
  const redactor = redactorOf({ exclude: ['secret_*.pin', 'parted.pin'] });
  expect(rulesOf(redactor, 'public.secret_a', ['pin'])).toEqual({ pin: 'drop' });
  expect(rulesOf(redactor, 'other.plain', ['pin'])).toEqual({ pin: 'drop' });
  expect(rulesOf(redactor, 'public.p_1', ['pin'], { oid: 2, root: 'public.parted', rootOid: 9 })).toEqual({
    pin: 'drop',
  });
  expect(rulesOf(redactor, 'public.plain', ['pin'], { oid: 3 })).toEqual({});
});

it('lets nothing of a table through that lacks a column named exactly, also where other rules have met the table', () => {
  const redactor = redactorOf({ exclude: ['person.pin', '*.secret_*'] });
  expect(rulesOf(redactor, 'public.draft', ['id', 'secret_a'])).toEqual({ secret_a: 'drop' });
  expect(() => rulesOf(redactor, 'public.person', ['id', 'secret_a'])).toThrow(missing);
  const lenient = redactorOf({
    exclude: [{ columns: ['person.pin'], mayBeMissing: true }, 'ssn', '*.person.code'],
  });
  expect(rulesOf(lenient, 'public.person', ['id'])).toEqual({});
});

it('follows a column by its number, and takes nothing else for it', () => {
  const redactor = redactorOf({ exclude: ['person.pin'] });
  const see = (today: Readonly<Record<number, string>>) =>
    rulesOf(redactor, 'public.person', Object.values(today), { today });
  expect(see({ 1: 'id', 2: 'x', 3: 'pin' })).toEqual({ pin: 'drop' });
  // Where only places are known this may be it.
  expect(see({ 1: 'id', 2: 'y', 3: 'pin' })).toEqual({ pin: 'drop' });
  expect(see({ 1: 'id', 3: 'pin', 4: 'z' })).toEqual({ pin: 'drop' });
  expect(see({ 1: 'id', 3: 'pin_old', 4: 'z', 5: 'pin' })).toEqual({ pin_old: 'drop', pin: 'drop' });
  expect(see({ 1: 'id', 3: 'a', 4: 'pin', 5: 'b' })).toEqual({ a: 'drop', pin: 'drop', b: 'drop' });
});

it('redacts all that it may be where the catalog has gone on, and follows those', () => {
  const redactor = redactorOf({ exclude: ['person.pin'] });
  const see = (columns: readonly string[], today: Readonly<Record<number, string>>) =>
    rulesOf(redactor, 'public.person', columns, { today });
  const last = { 1: 'id', 2: 'c', 3: 'd' };
  expect(see(['id', 'pin', 'note'], last)).toEqual({ pin: 'drop' });
  expect(see(['id', 'a', 'b'], last)).toEqual({ a: 'drop', b: 'drop' });
  expect(see(['id', 'c', 'd'], last)).toEqual({ c: 'drop', d: 'drop' });
  expect(see(['id', 'e', 'd', 'new'], { 1: 'id', 2: 'e', 3: 'd', 4: 'new' })).toEqual({
    e: 'drop',
    d: 'drop',
  });
});

it('takes a table that is gone and was never known for a part of any, and asks nothing of it', () => {
  const redactor = redactorOf({ exclude: ['parted.pin', 'other.code'] });
  const gone = { oid: 5, isKnown: false };
  expect(rulesOf(redactor, 'public.p_1', ['id', 'pin'], gone)).toEqual({ pin: 'drop' });
  expect(() => rulesOf(redactor, 'public.other', ['id', 'pin'], { ...gone, oid: 6 })).toThrow(missing);
});
