import {
  contextRedactor,
  type JsonText,
  jsonMembers,
  type Redaction,
  redactedJson,
  redactionOf,
  stricter,
} from '@colophon/protocol';
import type { ImportedChange } from '@colophon/store';
import type { Redaction as Rules } from '../protection.js';
import { objectOf } from './row-images.js';

/** What `redact` leaves of a change that is imported: the same as of one that is read from the log, by the names that its columns had. Throws `INVALID_OPTION`. */
export function importRedactor(redaction: Rules | undefined): (change: ImportedChange) => ImportedChange {
  if (redaction === undefined) return (change) => change;
  const { tables = {}, context = {}, key } = redaction.rules;
  const redactContext = contextRedactor(context, key);
  const ready = new Map<string, ReadonlyMap<string, Redaction>>();
  for (const [table, columns] of Object.entries(tables)) {
    const rules = Object.entries(columns).map(
      ([column, rule]) => [column, redactionOf(rule, key, `The rule for ${table}.${column}`)] as const,
    );
    ready.set(table, new Map(rules));
  }
  return (change) => {
    const { schema, table } = change;
    const named =
      ready.size === 0 ? [] : ['*', `${schema}.${table}`, ...(schema === 'public' ? [table] : [])];
    const rules = merged(named.map((name) => ready.get(name) ?? new Map()));
    return {
      ...change,
      ...(rules.size === 0 ? {} : redactedRow(change, rules)),
      context: redactContext === null ? change.context : redactContext(change.context),
    };
  };
}

function merged(all: readonly ReadonlyMap<string, Redaction>[]): ReadonlyMap<string, Redaction> {
  const rules = new Map<string, Redaction>();
  for (const [column, rule] of all.flatMap((one) => [...one])) {
    const other = rules.get(column);
    rules.set(column, other === undefined ? rule : stricter(other, rule));
  }
  return rules;
}

function redactedRow(change: ImportedChange, rules: ReadonlyMap<string, Redaction>): Partial<ImportedChange> {
  const { before, after, key, primaryKey, keyColumns } = change;
  const images = { before: redactedObject(before, rules), after: redactedObject(after, rules) };
  const ofKey = keyColumns.flatMap((column) => rules.get(column) ?? []);
  if (ofKey.length === 0) return images;
  // A key that is masked or gone names no row.
  if (ofKey.some(({ kind }) => kind !== 'hash')) return { ...images, key: '{}', primaryKey: null };
  const replace = keyColumns.length === 1 ? ofKey[0]!.replace : null;
  return {
    ...images,
    key: redactedObject(key, rules),
    primaryKey: primaryKey === null || replace === null ? primaryKey : replace(primaryKey),
  };
}

function redactedObject(json: JsonText, rules: ReadonlyMap<string, Redaction>): JsonText {
  if (json === '{}') return json;
  const members = jsonMembers(json);
  if (!members.some(([name]) => rules.has(name))) return json;
  return objectOf(
    members.flatMap(([name, value]) => {
      const rule = rules.get(name);
      if (rule === undefined) return [[name, value] as const];
      return rule.replace === null ? [] : [[name, redactedJson(value, rule.replace)] as const];
    }),
  );
}
