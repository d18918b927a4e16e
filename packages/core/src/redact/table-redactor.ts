import {
  ColophonError,
  type Redaction,
  type Relation,
  type RememberedRelation,
  stricter,
} from '@colophon/protocol';
import type { RelationMessage } from '../decode/message.js';
import { columnNumbers, type NumberedColumn } from './column-numbers.js';
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
  /** Whether it was certain then which columns these are. */
  readonly isSure: boolean;
  /** By the rules' columns. */
  readonly traces: Map<string, Trace>;
  /** The columns that a rule without a column's name has matched, likewise. */
  readonly matched: Map<TableRule, Set<string>>;
}

/** Where a rule's column has been met, since the consumer was made. */
interface Trace {
  readonly names: Set<string>;
  /** By number: more than one where it was made again, or where it wasn't certain. */
  readonly numbers: Set<number>;
}

/** What the catalog of today has of a table. */
interface TableToday {
  readonly rootOid: number | null;
  readonly columns: readonly NumberedColumn[];
}

/** A table's name, with its schema's before it. */
type TableName = readonly [schema: string, table: string];

/** A column that is to be redacted, where it is there. */
interface WantedColumn {
  readonly column: string;
  readonly rule: TableRule;
}

/**
 * Says for each relation message which columns are redacted, and how. A table that is renamed keeps its rules, by its
 * oid; a column that is renamed keeps its, by its number in the catalog, or, where the catalog has gone on since, by its place
 * among the others: columns never change places. Where a rule's column isn't there, and nobody can say what has become of
 * it, nothing of the table is let through.
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

  /**
   * A table by the names that it goes by, its root's among them: it keeps their rules, whatever becomes of it. Says whether there are
   * any but those for every table.
   */
  meet(oid: number, rootOid: number | null, names: readonly TableName[]): boolean {
    this.bindByName(oid, names);
    for (const rule of this.oids.get(rootOid ?? 0) ?? []) this.bind(oid, rule);
    return [...(this.oids.get(oid) ?? [])].some(({ table }) => table !== null);
  }

  /** Whether a table has all its rules by the names that it goes by, and none by others that it had. */
  isNamed(relation: RememberedRelation): boolean {
    const names = namesOf(relation);
    return [...(this.oids.get(relation.oid) ?? [])].every((rule) => isFor(rule, names));
  }

  /** Tables as they were called when the sink last heard of them: one that was renamed since keeps its rules. */
  recall(relations: readonly RememberedRelation[]): void {
    for (const relation of relations) this.bindByName(relation.oid, namesOf(relation));
  }

  private bindByName(oid: number, names: readonly TableName[]): void {
    for (const rule of this.rules) if (isFor(rule, names)) this.bind(oid, rule);
  }

  /**
   * The columns to redact under the names of this message; undefined where there are none. `today`: as the catalog has the table;
   * undefined where it is gone. One that was never known may have been a partition of any: then all rules hold. Throws `REDACTION_IMPOSSIBLE`.
   */
  rulesFor(
    message: RelationMessage,
    relation: Relation,
    today: TableToday | undefined,
    isKnown: boolean,
  ): ColumnRules | undefined {
    const { oid } = message;
    const names: TableName[] = [
      [message.schema, message.table],
      [relation.schema, relation.table],
    ];
    this.meet(oid, today?.rootOid ?? null, names);
    const rules = isKnown ? this.oids.get(oid) : new Set(this.rules);
    if (rules === undefined) return undefined;
    const named = new Set([...rules].filter((rule) => isFor(rule, names)));
    const hasOwn = [...named].some(({ table }) => table !== null);
    // Of a name that it had, or may have had, it need not have the columns: of the former once a rule is for the one that it has.
    const mayLack = (rule: TableRule) => !named.has(rule) && (hasOwn || !isKnown);
    return this.columnsOf(message, rules, mayLack, today);
  }

  private columnsOf(
    message: RelationMessage,
    rules: ReadonlySet<TableRule>,
    mayLack: (rule: TableRule) => boolean,
    today: TableToday | undefined,
  ): ColumnRules | undefined {
    const { oid, schema, table } = message;
    const columns = message.columns.map(({ name }) => name);
    const numbers = columnNumbers(columns, today?.columns);
    const before = this.known.get(oid);
    const traces = before?.traces ?? new Map<string, Trace>();
    const matched = before?.matched ?? new Map<TableRule, Set<string>>();
    const isFollowed = numbers !== null && before?.isSure !== false;
    const found = new Map<string, Redaction>();
    for (const { column, rule } of wantedColumns(rules, columns, matched)) {
      const known = traces.get(column);
      const trace = known ?? { names: new Set([column]), numbers: new Set() };
      const present = columns.filter(
        (name) => trace.names.has(name) || (isFollowed && trace.numbers.has(numbers.get(name)!)),
      );
      const wasThere = known !== undefined || before?.columns.includes(column) === true;
      // None: it was dropped.
      if (before !== undefined && wasThere && !(isFollowed && known !== undefined))
        present.push(...findRenamed(before.columns, columns, trace.names));
      if (present.length === 0 && !wasThere && rule.isRequired && !mayLack(rule))
        throw missing(message, column);
      // What the rule matches under its new name too needs no word.
      if (present.some((name) => !trace.names.has(name) && !rule.matchesColumn(name))) {
        this.onRenamed({ schema, table, column, redacted: present.filter((name) => name !== column) });
      }
      for (const name of present) {
        trace.names.add(name);
        if (numbers !== null) trace.numbers.add(numbers.get(name)!);
        const other = found.get(name);
        found.set(name, other === undefined ? rule.redaction : stricter(other, rule.redaction));
      }
      if (present.length > 0) traces.set(column, trace);
    }
    this.known.set(oid, { columns, isSure: numbers !== null, traces, matched });
    return found.size === 0 ? undefined : found;
  }
}

function namesOf({ schema, table, rootSchema, rootTable }: RememberedRelation): TableName[] {
  const own: TableName = [schema, table];
  return rootSchema === null || rootTable === null ? [own] : [own, [rootSchema, rootTable]];
}

function isFor(rule: TableRule, names: readonly TableName[]): boolean {
  return names.some(([schema, table]) => rule.matchesTable(schema, table));
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
