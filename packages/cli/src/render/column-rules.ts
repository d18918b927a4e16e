import type { ColumnRuleBook } from '@colophon/core';
import type { ListedTable } from '@colophon/setup';

/** What becomes of a column's values. */
export interface ColumnRule {
  readonly column: string;
  /** `ignore`, `drop`, `mask`, `hash`; `ignore, hash` where both hold. */
  readonly rule: string;
}

/** What the settings say of the table's columns, in their order. */
export function columnRules(
  book: ColumnRuleBook,
  { relation }: ListedTable,
  columns: readonly string[],
): ColumnRule[] {
  return columns.flatMap((column) => {
    const { isIgnored, redaction } = book.ruleFor(relation.schema, relation.name, column);
    const rules = [...(isIgnored ? ['ignore'] : []), ...(redaction === null ? [] : [redaction])];
    return rules.length === 0 ? [] : [{ column, rule: rules.join(', ') }];
  });
}
