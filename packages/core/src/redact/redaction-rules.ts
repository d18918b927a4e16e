import {
  ColophonError,
  type ContextText,
  contextRedactor,
  type RedactionKey,
  type RedactionRule,
} from '@colophon/protocol';
import { type ColumnOptions, readColumnOptions } from '../columns/column-options.js';
import { IgnoredColumns } from '../columns/ignored-columns.js';
import { TableRedactor } from './table-redactor.js';
import { ruleByPattern, rulesByName } from './table-rule.js';

/** What of the source's values is never kept. It is done before anything is written, spooled, logged or given to a sink. */
export interface RedactionRules {
  /**
   * By table, then by column: `{ 'public.user': { password: 'drop', email: 'hash' }, '*': { ssn: 'drop' } }`. Names as they are, schema `public`
   * unless said, a partitioned table by its root (or by one partition); `*` is every table. Where several rules name a column the strictest counts.
   */
  readonly tables?: Readonly<Record<string, Readonly<Record<string, RedactionRule>>>>;
  /** By path into the context: `{ 'headers.authorization': 'drop', ip: 'mask' }`. Lists are looked through; `*` is any key. */
  readonly context?: Readonly<Record<string, RedactionRule>>;
  /** For `hash`. */
  readonly key?: RedactionKey;
}

/** The rules made ready. */
export interface Redactors {
  /** Null: no column has a rule. */
  readonly tables: TableRedactor | null;
  /** Null: no path has a rule. */
  readonly context: ((text: ContextText) => ContextText) | null;
  /** Null: no column is ignored. */
  readonly ignored: IgnoredColumns | null;
}

/**
 * Makes rules ready: those by name, and those by pattern, which use the same key. Throws `INVALID_OPTION` for what could not
 * be followed to the letter.
 */
export function redactorsOf(rules: RedactionRules | undefined, columns?: ColumnOptions): Redactors {
  const { tables = {}, context = {}, key, ...rest } = rules ?? {};
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined || typeof tables !== 'object' || typeof context !== 'object') {
    throw new ColophonError('INVALID_OPTION', 'Option redact has tables, context and key, each an object.', {
      details: { option: 'redact' },
    });
  }
  const { ignored, redacted } = readColumnOptions(columns);
  const ofTables = [...rulesByName(tables, key), ...redacted.map((rule) => ruleByPattern(rule, key))];
  return {
    tables: ofTables.length === 0 ? null : new TableRedactor(ofTables),
    context: contextRedactor(context, key),
    ignored: ignored.length === 0 ? null : new IgnoredColumns(ignored),
  };
}
