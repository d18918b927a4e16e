import {
  ColophonError,
  type Redaction,
  type Relation,
  type RememberedRelation,
  stricter,
} from '@colophon/protocol';
import type { RelationMessage } from '../decode/message.js';
import { findRenamed } from './find-renamed.js';
import type { TableRule } from './table-rule.js';

/** A column with a rule that goes by another name now. */
export interface RenamedColumn {
  readonly schema: string;
  readonly table: string;
  /** As the rule calls it. */
  readonly column: string;
  /** What may be it now: all of these are redacted by its rule. */
  readonly redacted: readonly string[];
}

/** The rules of one table, by column. */
export type ColumnRules = ReadonlyMap<string, Redaction>;

interface KnownTable {
  /** Its columns at its last relation message. */
  columns: readonly string[];
  /** Under which names a rule's column has been met, since the consumer was made. */
  readonly names: Map<string, Set<string>>;
  /** The columns that a rule without a column's name has matched, likewise. */
  readonly matched: Map<TableRule, Set<string>>;
}

/** A column that is to be redacted, where it is there. */
interface WantedColumn {
  readonly column: string;
  readonly rule: TableRule;
}

/**
 * Says for each relation message which columns are redacted, and how. A table that is renamed keeps its rules, by its
 * oid; a column that is renamed keeps its, by its place among the others: columns never change places. Where a rule's
 * column isn't there, and nobody can say what has become of it, nothing of the table is let through.
 *
 * One a consumer: what it has seen must outlive a connection.
 */
export class TableRedactor {
  readonly rules: readonly TableRule[];
  private readonly oids = new Map<number, Set<TableRule>>();
  private readonly known = new Map<number, KnownTable>();
  /** Told when a column with a rule was renamed. */
  onRenamed: (renamed: RenamedColumn) => void = () => {};
  /** Whether the rules were held against the source's catalog. */
  isChecked = false;

  constructor(rules: readonly TableRule[]) {
    this.rules = rules;
  }

  /** Table and rule belong together from now on, whatever the table is called. */
  bind(oid: number, rule: TableRule): void {
    const rules = this.oids.get(oid) ?? new Set();
    this.oids.set(oid, rules.add(rule));
  }

  /** Tables as they were called when the sink last heard of them: one that was renamed since keeps its rules. */
  recall(relations: readonly RememberedRelation[]): void {
    for (const { oid, schema, table, rootSchema, rootTable } of relations) {
      this.bindByName(oid, schema, table);
      if (rootSchema !== null && rootTable !== null) this.bindByName(oid, rootSchema, rootTable);
    }
  }

  private bindByName(oid: number, schema: string, table: string): void {
    for (const rule of this.rules) {
      if (rule.matchesTable(schema, table)) this.bind(oid, rule);
    }
  }

  /**
   * The columns to redact under the names of this message; undefined where there are none. `rootOid` is the partitioned table's.
   * Throws `REDACTION_IMPOSSIBLE`.
   */
  rulesFor(message: RelationMessage, relation: Relation, rootOid: number | null): ColumnRules | undefined {
    const { oid } = message;
    this.bindByName(oid, message.schema, message.table);
    this.bindByName(oid, relation.schema, relation.table);
    for (const rule of this.oids.get(rootOid ?? 0) ?? []) this.bind(oid, rule);
    const rules = this.oids.get(oid);
    return rules === undefined ? undefined : this.columnsOf(message, rules);
  }

  private columnsOf(message: RelationMessage, rules: ReadonlySet<TableRule>): ColumnRules | undefined {
    const columns = message.columns.map(({ name }) => name);
    const before = this.known.get(message.oid);
    const names = before?.names ?? new Map<string, Set<string>>();
    const matched = before?.matched ?? new Map<TableRule, Set<string>>();
    const found = new Map<string, Redaction>();
    for (const { column, rule } of wantedColumns(rules, columns, matched)) {
      const met = names.get(column) ?? new Set([column]);
      let present = columns.filter((name) => met.has(name));
      const wasThere = names.has(column) || before?.columns.includes(column);
      if (present.length === 0 && before !== undefined && wasThere) {
        // None: it was dropped.
        present = findRenamed(before.columns, columns, met);
        const { schema, table } = message;
        // What the rule matches under its new name too needs no word.
        const isNews = present.some((name) => !rule.matchesColumn(name));
        if (isNews) this.onRenamed({ schema, table, column, redacted: present });
      } else if (present.length === 0 && rule.isRequired) {
        throw missing(message, column);
      }
      for (const name of present) {
        met.add(name);
        const other = found.get(name);
        found.set(name, other === undefined ? rule.redaction : stricter(other, rule.redaction));
      }
      if (present.length > 0) names.set(column, met);
    }
    this.known.set(message.oid, { columns, names, matched });
    return found.size === 0 ? undefined : found;
  }
}

/** The columns that rules name, and those that they match or once matched. */
function wantedColumns(
  rules: ReadonlySet<TableRule>,
  columns: readonly string[],
  matched: Map<TableRule, Set<string>>,
): WantedColumn[] {
  return [...rules].flatMap((rule) => {
    if (rule.column !== null) return [{ column: rule.column, rule }];
    const all = new Set([...(matched.get(rule) ?? []), ...columns.filter(rule.matchesColumn)]);
    matched.set(rule, all);
    return [...all].map((column) => ({ column, rule }));
  });
}

function missing({ schema, table }: RelationMessage, column: string): ColophonError {
  return new ColophonError(
    'REDACTION_IMPOSSIBLE',
    `A redaction rule names column ${column} of ${schema}.${table}, which it didn't have when a row was written: nothing of the table is read. ` +
      'Put the rule right; while a column is being added, renamed or dropped, give it mayBeMissing.',
    { details: { schema, table, column } },
  );
}
