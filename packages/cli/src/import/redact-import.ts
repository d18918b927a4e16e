import { type ColumnRedaction, columnRedaction } from '@colophon/core';
import { contextRedactor, type JsonText, jsonMembers, redactedJson } from '@colophon/protocol';
import type { ImportedChange } from '@colophon/store';
import type { Redaction } from '../protection.js';
import { objectOf } from './row-images.js';

/** What `redact` and `columns` leave of a change that is imported: the same as of one that is read from the log, by the names that its columns had. Throws `INVALID_OPTION`. */
export function importRedactor(redaction: Redaction | undefined): (change: ImportedChange) => ImportedChange {
  if (redaction === undefined) return (change) => change;
  const { context = {}, key } = redaction.rules;
  const redactContext = contextRedactor(context, key);
  const ruleFor = columnRedaction(redaction.rules, redaction.columns);
  return (change) => ({
    ...change,
    ...redactedRow(change, ruleFor),
    context: redactContext === null ? change.context : redactContext(change.context),
  });
}

function redactedRow(change: ImportedChange, ruleFor: ColumnRedaction): Partial<ImportedChange> {
  const { schema, table, before, after, key, primaryKey, keyColumns } = change;
  const redacted = (json: JsonText): JsonText =>
    redactedObject(json, (column) => ruleFor(schema, table, column));
  const images = { before: redacted(before), after: redacted(after) };
  const ofKey = keyColumns.flatMap((column) => ruleFor(schema, table, column) ?? []);
  if (ofKey.length === 0) return images;
  // A key that is masked or gone names no row.
  if (ofKey.some(({ kind }) => kind !== 'hash')) return { ...images, key: '{}', primaryKey: null };
  const replace = keyColumns.length === 1 ? ofKey[0]!.replace : null;
  return {
    ...images,
    key: redacted(key),
    primaryKey: primaryKey === null || replace === null ? primaryKey : replace(primaryKey),
  };
}

function redactedObject(json: JsonText, ruleFor: (column: string) => ReturnType<ColumnRedaction>): JsonText {
  if (json === '{}') return json;
  const members = jsonMembers(json);
  if (members.every(([name]) => ruleFor(name) === null)) return json;
  return objectOf(
    members.flatMap(([name, value]) => {
      const rule = ruleFor(name);
      if (rule === null) return [[name, value] as const];
      return rule.replace === null ? [] : [[name, redactedJson(value, rule.replace)] as const];
    }),
  );
}
