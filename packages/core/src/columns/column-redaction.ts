import { type Redaction, stricter } from '@colophon/protocol';
import type { RedactionRules } from '../redact/redaction-rules.js';
import { ruleByPattern, rulesByName } from '../redact/table-rule.js';
import { type ColumnOptions, readColumnOptions } from './column-options.js';

/** What is done to a column's values, by the names of the moment; null: they are kept as they are. */
export type ColumnRedaction = (schema: string, table: string, column: string) => Redaction | null;

/**
 * All rules that redact, those by name and those by pattern, for rows that don't come from the log: nobody knows what
 * their columns are called today. Of several rules for a column the strictest. Throws `INVALID_OPTION`.
 */
export function columnRedaction(
  redact: RedactionRules | undefined,
  columns: ColumnOptions | undefined,
): ColumnRedaction {
  const key = redact?.key;
  const rules = [
    ...rulesByName(redact?.tables ?? {}, key),
    ...readColumnOptions(columns).redacted.map((rule) => ruleByPattern(rule, key)),
  ];
  const known = new Map<string, Redaction | null>();
  return (schema, table, column) => {
    const place = JSON.stringify([schema, table, column]);
    let found = known.get(place);
    if (found === undefined) {
      const all = rules.filter((rule) => rule.matchesTable(schema, table) && rule.matchesColumn(column));
      found = all.length === 0 ? null : all.map(({ redaction }) => redaction).reduce(stricter);
      known.set(place, found);
    }
    return found;
  };
}
