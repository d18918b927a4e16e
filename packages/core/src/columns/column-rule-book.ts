import { type RedactionKey, type RedactionKind, stricter } from '@colophon/protocol';
import type { RedactionRules } from '../redact/redaction-rules.js';
import { ruleByPattern, rulesByName, type TableRule } from '../redact/table-rule.js';
import { type ColumnOptions, readColumnOptions } from './column-options.js';
import type { ColumnPattern } from './column-pattern.js';

/** What holds for a column. */
export interface RuleOfColumn {
  /** Whether an UPDATE of it alone makes no record. Never so for a column of the primary key, which isn't looked at here. */
  readonly isIgnored: boolean;
  /** What is done to its values; null: they are kept as they are. */
  readonly redaction: RedactionKind | null;
}

// Here nothing is hashed: the rules are only read.
const NO_KEY: RedactionKey = { id: 'none', secret: new Uint8Array(16) };

/** All rules for columns, to be asked by name; no key is needed. A partition has those of its own name and those of its root's: ask for both. */
export class ColumnRuleBook {
  /** The rules that are by pattern. */
  readonly patterns: readonly ColumnPattern[];
  private readonly redacted: readonly TableRule[];
  private readonly ignored: readonly ColumnPattern[];

  /** Throws `INVALID_OPTION`. */
  constructor(redact: Pick<RedactionRules, 'tables'> | undefined, columns: ColumnOptions | undefined) {
    const { ignored, redacted } = readColumnOptions(columns);
    this.ignored = ignored;
    this.patterns = [...ignored, ...redacted.map(({ pattern }) => pattern)];
    this.redacted = [
      ...rulesByName(redact?.tables ?? {}, NO_KEY),
      ...redacted.map((rule) => ruleByPattern(rule, NO_KEY)),
    ];
  }

  /** What holds for a column, by the names of today. Of several rules the strictest. */
  ruleFor(schema: string, table: string, column: string): RuleOfColumn {
    const redactions = this.redacted
      .filter((rule) => rule.matchesTable(schema, table) && rule.matchesColumn(column))
      .map(({ redaction }) => redaction);
    return {
      isIgnored: this.ignored.some(
        (pattern) => pattern.matchesTable(schema, table) && pattern.matchesColumn(column),
      ),
      redaction: redactions.length === 0 ? null : redactions.reduce(stricter).kind,
    };
  }

  /** Whether some column of the table may be redacted so. */
  mayHave(kind: RedactionKind, schema: string, table: string): boolean {
    return this.redacted.some((rule) => rule.redaction.kind === kind && rule.matchesTable(schema, table));
  }
}
