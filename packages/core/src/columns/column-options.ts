import { ColophonError, type RedactionRule } from '@colophon/protocol';
import { type ColumnPattern, parseColumnPattern } from './column-pattern.js';

/** Some columns, and what else is said of them. */
export interface ColumnList {
  /** Patterns, as in the lists around it. */
  readonly columns: readonly string[];
  /** Whether the source may lack a column that is named exactly. Default false: then nothing of its table is read until the rule is put right. */
  readonly mayBeMissing?: boolean;
}

/** Some columns, and the text that stands for their values. */
export interface MaskedColumns extends ColumnList {
  /** Default `***`. */
  readonly mask?: string;
}

/**
 * Rules for columns by pattern: `column`, `table.column` or `schema.table.column`, with `*` for any characters: `'*.updated_at'`,
 * `'account.password'`, `'billing.*.iban'`. Where several rules hold for a column the strictest counts: exclude, mask, hash.
 */
export interface ColumnOptions {
  /**
   * An UPDATE that changes these columns and no others makes no record; in records that there are they stay. It needs the
   * row before the change: replica identity FULL. Default: none.
   */
  readonly ignore?: readonly string[];
  /** Never kept: neither value nor name is in any record. Default: none. */
  readonly exclude?: readonly (string | ColumnList)[];
  /** A fixed text is kept in their place. Default: none. */
  readonly mask?: readonly (string | MaskedColumns)[];
  /** `hmac-sha256:<key id>:<hex>` is kept in their place, by the key of `redact`. Default: none. */
  readonly hash?: readonly (string | ColumnList)[];
}

/** A pattern and what is done to the values of its columns. */
export interface PatternRule {
  readonly pattern: ColumnPattern;
  readonly rule: RedactionRule;
  /** Whether a table without the column is refused. */
  readonly isRequired: boolean;
}

/** Options, read. */
export interface ReadColumnOptions {
  readonly ignored: readonly ColumnPattern[];
  readonly redacted: readonly PatternRule[];
}

const KINDS = { exclude: 'drop', mask: 'mask', hash: 'hash' } as const;

/** Reads the rules. Throws `INVALID_OPTION`. */
export function readColumnOptions(options: ColumnOptions | undefined): ReadColumnOptions {
  if (options === undefined) return { ignored: [], redacted: [] };
  const { ignore = [], exclude = [], mask = [], hash = [], ...rest } = ofObject(options, 'columns');
  refuseOthers(rest, 'columns', 'ignore, exclude, mask and hash');
  const redacted = Object.entries({ exclude, mask, hash }).flatMap(([name, entries]) => {
    const place = `columns.${name}`;
    return listOf(entries, place).flatMap((entry) => readEntry(entry, name as keyof typeof KINDS, place));
  });
  return { ignored: listOf(ignore, 'columns.ignore').map(parseColumnPattern), redacted };
}

function readEntry(entry: string | MaskedColumns, name: keyof typeof KINDS, place: string): PatternRule[] {
  const list = typeof entry === 'string' ? { columns: [entry] } : ofObject(entry, `an entry of ${place}`);
  const { columns, mayBeMissing = false, mask, ...rest } = list as MaskedColumns;
  refuseOthers(mask === undefined || name === 'mask' ? rest : { mask }, place, 'columns and mayBeMissing');
  const by = KINDS[name];
  const rule = { by, mayBeMissing, ...(mask === undefined ? {} : { mask }) };
  return listOf(columns, `${place}: columns`).map((text) => {
    const pattern = parseColumnPattern(text);
    const isNamed = pattern.exactTable !== null && pattern.exactColumn !== null;
    return { pattern, rule, isRequired: isNamed && !mayBeMissing };
  });
}

function ofObject<T extends object>(value: T, place: string): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new ColophonError('INVALID_OPTION', `Option ${place} is no object.`);
}

function listOf<T>(value: readonly T[], place: string): readonly T[] {
  if (Array.isArray(value)) return value;
  throw new ColophonError('INVALID_OPTION', `Option ${place} is no list.`);
}

function refuseOthers(rest: object, place: string, known: string): void {
  const [unknown] = Object.keys(rest);
  if (unknown === undefined) return;
  throw new ColophonError(
    'INVALID_OPTION',
    `Option ${place} has an unknown key ${JSON.stringify(unknown)}, wanted ${known}.`,
  );
}
