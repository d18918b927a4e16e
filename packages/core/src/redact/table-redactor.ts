import {
  ColophonError,
  type Redaction,
  type RedactionKey,
  type RedactionRule,
  type Relation,
  type RememberedRelation,
  redactionOf,
  stricter,
} from '@colophon/protocol';
import type { RelationMessage } from '../decode/message.js';
import { findRenamed } from './find-renamed.js';
import { tableNames } from './table-names.js';

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

const EVERY_TABLE = '*';

interface KnownTable {
  /** Its columns at its last relation message. */
  columns: readonly string[];
  /** Under which names a rule's column has been met, since the consumer was made. */
  readonly names: Map<string, Set<string>>;
}

/**
 * Says for each relation message which columns are redacted, and how. A table that is renamed keeps its rules, by its
 * oid; a column that is renamed keeps its, by its place among the others: columns never change places. Where a rule's
 * column isn't there, and nobody can say what has become of it, nothing of the table is let through.
 *
 * One a consumer: what it has seen must outlive a connection.
 */
export class TableRedactor {
  /** The rules by table as they are written. */
  readonly rules: ReadonlyMap<string, ColumnRules>;
  private readonly everywhere: ColumnRules;
  private readonly oids = new Map<number, Set<string>>();
  private readonly known = new Map<number, KnownTable>();
  /** Told when a column with a rule was renamed. */
  onRenamed: (renamed: RenamedColumn) => void = () => {};
  /** Whether the rules were held against the source's catalog. */
  isChecked = false;

  /** Throws `INVALID_OPTION`. */
  constructor(
    tables: Readonly<Record<string, Readonly<Record<string, RedactionRule>>>>,
    key: RedactionKey | undefined,
  ) {
    const rules = new Map<string, ColumnRules>();
    for (const [table, columns] of Object.entries(tables)) {
      if (typeof columns !== 'object' || columns === null) {
        throw new ColophonError(
          'INVALID_OPTION',
          `The redaction rules of ${table} are no object of columns.`,
        );
      }
      const ready = Object.entries(columns).map(
        ([column, rule]) => [column, redactionOf(rule, key, `The rule for ${table}.${column}`)] as const,
      );
      rules.set(table, new Map(ready));
    }
    this.everywhere = rules.get(EVERY_TABLE) ?? new Map();
    rules.delete(EVERY_TABLE);
    this.rules = rules;
  }

  /** Table and rules belong together from now on, whatever the table is called. */
  bind(oid: number, table: string): void {
    const tables = this.oids.get(oid) ?? new Set();
    this.oids.set(oid, tables.add(table));
  }

  /** Tables as they were called when the sink last heard of them: one that was renamed since keeps its rules. */
  recall(relations: readonly RememberedRelation[]): void {
    for (const { oid, schema, table, rootSchema, rootTable } of relations) {
      this.bindByName(oid, `${schema}.${table}`, `${rootSchema}.${rootTable}`);
    }
  }

  private bindByName(oid: number, ...called: readonly string[]): void {
    for (const table of this.rules.keys()) {
      const names = tableNames(table);
      if (called.some((name) => names.has(name))) this.bind(oid, table);
    }
  }

  /**
   * The columns to redact under the names of this message; undefined where there are none. `rootOid` is the partitioned table's.
   * Throws `REDACTION_IMPOSSIBLE`.
   */
  rulesFor(message: RelationMessage, relation: Relation, rootOid: number | null): ColumnRules | undefined {
    const { oid } = message;
    this.bindByName(oid, `${message.schema}.${message.table}`, `${relation.schema}.${relation.table}`);
    const wanted: [string, Redaction, isOptional: boolean][] = [];
    for (const table of new Set([...(this.oids.get(oid) ?? []), ...(this.oids.get(rootOid ?? 0) ?? [])])) {
      this.bind(oid, table);
      for (const [column, rule] of this.rules.get(table) ?? [])
        wanted.push([column, rule, rule.mayBeMissing]);
    }
    for (const [column, rule] of this.everywhere) wanted.push([column, rule, true]);
    if (wanted.length === 0) return undefined;
    return this.columnsOf(message, wanted);
  }

  private columnsOf(
    message: RelationMessage,
    wanted: readonly [string, Redaction, isOptional: boolean][],
  ): ColumnRules | undefined {
    const columns = message.columns.map(({ name }) => name);
    const before = this.known.get(message.oid);
    const names = before?.names ?? new Map<string, Set<string>>();
    const found = new Map<string, Redaction>();
    for (const [column, redaction, isOptional] of wanted) {
      const met = names.get(column) ?? new Set([column]);
      let present = columns.filter((name) => met.has(name));
      if (present.length === 0 && before !== undefined) {
        // None: it was dropped.
        present = findRenamed(before.columns, columns, met);
        const { schema, table } = message;
        if (present.length > 0) this.onRenamed({ schema, table, column, redacted: present });
      } else if (present.length === 0 && !isOptional) {
        throw missing(message, column);
      }
      for (const name of present) {
        met.add(name);
        const other = found.get(name);
        found.set(name, other === undefined ? redaction : stricter(other, redaction));
      }
      names.set(column, met);
    }
    this.known.set(message.oid, { columns, names });
    return found.size === 0 ? undefined : found;
  }
}

function missing({ schema, table }: RelationMessage, column: string): ColophonError {
  return new ColophonError(
    'REDACTION_IMPOSSIBLE',
    `A redaction rule names column ${column} of ${schema}.${table}, which it didn't have when a row was written: nothing of the table is read. ` +
      'Put the rule right; while a column is being added, renamed or dropped, give it mayBeMissing.',
    { details: { schema, table, column } },
  );
}
