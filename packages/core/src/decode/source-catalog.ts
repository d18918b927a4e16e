import { setTimeout as delay } from 'node:timers/promises';
import type { Relation, RememberedRelation } from '@colophon/protocol';
import type { IgnoredColumns } from '../columns/ignored-columns.js';
import type { TableRedactor } from '../redact/table-redactor.js';
import {
  type CatalogQuery,
  ROOTS_QUERY,
  type RootRow,
  SNAPSHOT_QUERY,
  TABLES_QUERY,
  type TableRow,
} from './catalog-query.js';
import { chooseKeyColumns } from './key-columns.js';
import type { RelationMessage } from './message.js';
import { RowDecoder } from './row-decoder.js';
import { Snapshot } from './snapshot.js';
import { TypeCatalog } from './type-catalog.js';

/** How far behind a partitioned table's new name may be noticed: nothing in the stream tells of it. */
const ROOT_NAME_AGE_MS = 100;
const VISIBILITY_PAUSE_MS = 5;
const VISIBILITY_TIMEOUT_MS = 5_000;
const PRELOAD_BATCH = 1_000;

interface KnownTable {
  /** Undefined where the catalog doesn't have it (any more). */
  readonly row: TableRow | undefined;
  readonly snapshot: Snapshot;
}

/**
 * What the replication stream leaves out, from the source's catalog of today: primary keys, the roots of partitions,
 * the make of types. Gives each relation message its `RowDecoder`.
 *
 * The catalog is asked again for every relation message, which the server sends anew after each alteration of
 * a table; what alters nothing on the table itself (a composite type, a root's name) by `refresh`.
 */
export class SourceCatalog {
  private readonly query: CatalogQuery;
  private readonly redactor: TableRedactor | null;
  private readonly ignored: IgnoredColumns | null;
  private readonly types: TypeCatalog;
  private readonly tables = new Map<number, KnownTable>();
  private readonly remembered = new Map<number, RememberedRelation>();
  private readonly unsaved = new Map<number, RememberedRelation>();
  private readonly decoders = new Map<number, RowDecoder>();
  private typesSnapshot: Snapshot | undefined;
  private rootsSnapshot: Snapshot | undefined;
  private rootsLoadedAtMs = Number.NEGATIVE_INFINITY;
  private refreshedForXid: number | undefined;

  /** `query` must run on an ordinary connection to the source's database, outside any transaction. */
  constructor(
    query: CatalogQuery,
    redactor: TableRedactor | null = null,
    ignored: IgnoredColumns | null = null,
  ) {
    this.query = query;
    this.redactor = redactor;
    this.ignored = ignored;
    this.types = new TypeCatalog(query);
  }

  /** Loads all tables of a publication at once, to save their single queries later. Not needed for correctness. */
  async load(publication?: string): Promise<void> {
    if (publication === undefined) return;
    const tables = await this.query<{ oid: number }>(
      `SELECT DISTINCT c.oid
       FROM pg_catalog.pg_publication_tables p
         JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
         JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
       WHERE p.pubname = $1`,
      [publication],
    );
    for (let at = 0; at < tables.length; at += PRELOAD_BATCH) {
      await this.fetchTables(tables.slice(at, at + PRELOAD_BATCH).map(({ oid }) => oid));
    }
    const rows = [...this.tables.values()].flatMap(({ row }) => row ?? []);
    for (const row of rows) this.keepRuled(row, true);
    const columns = rows.flatMap((row) => row.columns);
    await this.types.load(columns.map(({ typeOid }) => typeOid));
  }

  /** Takes in what was remembered of tables earlier: the keys of those that are gone from the catalog by now. */
  recall(relations: readonly RememberedRelation[]): void {
    for (const relation of relations) this.remembered.set(relation.oid, relation);
  }

  /** What is to be remembered since this was last called: tables whose key or name is new. */
  takeRemembered(): readonly RememberedRelation[] {
    const relations = [...this.unsaved.values()];
    this.unsaved.clear();
    return relations;
  }

  /**
   * The decoder for the rows that follow a relation message. `xid` is the transaction's: the catalog is
   * read as it is at or after that transaction's commit, waiting where the source hasn't made it visible yet.
   * At once, without a promise, where that is known already.
   */
  ensure(relation: RelationMessage, xid?: number): RowDecoder | Promise<RowDecoder> {
    const known = this.tables.get(relation.oid);
    if (xid !== undefined && known?.snapshot.sees(xid) === true && this.knowsTypes(relation)) {
      return this.build(relation, known.row);
    }
    return this.fetchAndBuild(relation, xid);
  }

  /** The decoder of the last relation message with this oid. */
  decoderOf(relationOid: number): RowDecoder | undefined {
    return this.decoders.get(relationOid);
  }

  /**
   * Whether `refresh` must run before rows of this transaction are decoded: the table has values of a composite type, or
   * is a partition, and the catalog was last read before the transaction. False at next to no cost for all other tables.
   */
  needsRefresh(decoder: RowDecoder, xid: number): boolean {
    const isPartition = decoder.relation.partition !== null;
    if (!decoder.holdsComposite && !isPartition) return false;
    const isStale =
      (decoder.holdsComposite && this.typesSnapshot?.sees(xid) !== true) ||
      (isPartition && this.isRootStale(decoder, xid));
    // Once a transaction: where it isn't visible yet, asking for each of its rows would not make it so.
    if (!isStale || this.refreshedForXid === xid) return false;
    this.refreshedForXid = xid;
    return true;
  }

  /** Reads composite types and the names of partitioned tables again. Decoders that were given out follow. */
  async refresh(): Promise<void> {
    const snapshot = await untilVisible(this.refreshedForXid, () => this.readSnapshot());
    await this.types.refresh();
    this.typesSnapshot = snapshot;
    await this.refreshRoots();
    this.rootsSnapshot = snapshot;
    this.rootsLoadedAtMs = performance.now();
  }

  private isRootStale(decoder: RowDecoder, xid: number): boolean {
    if (this.rootsSnapshot?.sees(xid) === true) return false;
    if (this.tables.get(decoder.relation.oid)?.snapshot.sees(xid) === true) return false;
    return performance.now() - this.rootsLoadedAtMs >= ROOT_NAME_AGE_MS;
  }

  private async refreshRoots(): Promise<void> {
    const partitions = [...this.decoders.values()].filter(({ relation }) => relation.partition !== null);
    const rootOf = (decoder: RowDecoder) => this.tables.get(decoder.relation.oid)?.row?.rootOid ?? 0;
    const oids = new Set(partitions.map(rootOf));
    if (oids.size === 0) return;
    const rows = await this.query<RootRow>(ROOTS_QUERY, [[...oids]]);
    const roots = new Map(rows.map((row) => [row.oid, row]));
    for (const decoder of partitions) {
      const root = roots.get(rootOf(decoder));
      const { relation } = decoder;
      if (root === undefined || (root.schema === relation.schema && root.table === relation.table)) continue;
      const row = this.tables.get(relation.oid)!.row!;
      // Its key stays: an alteration of that comes as a relation message.
      const renamed = { ...row, rootSchema: root.schema, rootTable: root.table };
      decoder.relation = { ...this.describe(decoder.message, renamed), keyColumns: relation.keyColumns };
      if (this.redactor !== null)
        decoder.redact(this.redactor.rulesFor(decoder.message, decoder.relation, row, true));
      this.ignore(decoder);
    }
  }

  private knowsTypes(relation: RelationMessage): boolean {
    return relation.columns.every(({ typeOid }) => this.types.shapeOf(typeOid) !== undefined);
  }

  private async fetchAndBuild(relation: RelationMessage, xid: number | undefined): Promise<RowDecoder> {
    await untilVisible(xid, async () => {
      await this.fetchTables([relation.oid]);
      return this.tables.get(relation.oid)!.snapshot;
    });
    await this.types.load(relation.columns.map(({ typeOid }) => typeOid));
    return this.build(relation, this.tables.get(relation.oid)!.row);
  }

  private async fetchTables(oids: readonly number[]): Promise<void> {
    const rows = await this.query<TableRow>(TABLES_QUERY, [oids]);
    let snapshot: Snapshot | undefined;
    for (const row of rows) {
      snapshot ??= new Snapshot(row.snapshot);
      this.tables.set(row.wantedOid, { row: row.oid === null ? undefined : row, snapshot });
      if (row.oid !== null) this.keepRuled(row, false);
    }
  }

  /**
   * A table with rules keeps them when it is renamed or detached, also before its first row comes, and after a new start.
   * `isNamed`: it has those of its own name, not only its root's.
   */
  private keepRuled(row: TableRow, isNamed: boolean): void {
    if (this.redactor === null) return;
    const { wantedOid: oid, schema, table, rootOid, rootSchema, rootTable, keyColumns } = row;
    const names: (readonly [string, string])[] = isNamed ? [[schema, table]] : [];
    if (rootSchema !== null && rootTable !== null) names.push([rootSchema, rootTable]);
    const isRuled = this.redactor.meet(oid, rootOid, names);
    if (isRuled && !this.remembered.has(oid))
      this.remember({ oid, schema, table, rootSchema, rootTable, keyColumns });
  }

  private async readSnapshot(): Promise<Snapshot> {
    const [row] = await this.query<{ snapshot: string }>(SNAPSHOT_QUERY);
    return new Snapshot(row!.snapshot);
  }

  private build(message: RelationMessage, row: TableRow | undefined): RowDecoder {
    const isKnown = row !== undefined || this.remembered.has(message.oid);
    const relation = this.describe(message, row);
    const redactions = this.redactor?.rulesFor(message, relation, row, isKnown);
    const decoder = new RowDecoder(message, relation, this.types, redactions);
    this.ignore(decoder);
    this.decoders.set(message.oid, decoder);
    return decoder;
  }

  private ignore(decoder: RowDecoder): void {
    if (this.ignored !== null) decoder.ignored = this.ignored.placesOf(decoder.message, decoder.relation);
  }

  private describe(message: RelationMessage, row: TableRow | undefined): Relation {
    const earlier = this.remembered.get(message.oid);
    const { oid } = message;
    const keyColumns = chooseKeyColumns(message, row, earlier?.keyColumns);
    const rootSchema = row === undefined ? (earlier?.rootSchema ?? null) : row.rootSchema;
    const rootTable = row === undefined ? (earlier?.rootTable ?? null) : row.rootTable;
    // Of a table that nobody ever saw it isn't known whether it was a partition: that mustn't be remembered as if it were.
    if (row !== undefined || earlier !== undefined)
      this.remember({ oid, schema: message.schema, table: message.table, rootSchema, rootTable, keyColumns });
    if (rootTable === null || rootSchema === null) {
      return { oid, schema: message.schema, table: message.table, partition: null, keyColumns };
    }
    const partition = message.schema === rootSchema ? message.table : `${message.schema}.${message.table}`;
    return { oid, schema: rootSchema, table: rootTable, partition, keyColumns };
  }

  private remember(relation: RememberedRelation): void {
    const earlier = this.remembered.get(relation.oid);
    // By the names that it goes by now it would be without its rules after a new start.
    const isLost = earlier !== undefined && this.redactor?.isNamed(relation) === false;
    const kept = isLost ? { ...earlier, keyColumns: relation.keyColumns } : relation;
    if (JSON.stringify(earlier) === JSON.stringify(kept)) return;
    this.remembered.set(relation.oid, kept);
    this.unsaved.set(relation.oid, kept);
  }
}

/**
 * Reads until the transaction is visible to what was read: a commit is in the WAL, and may reach us, before others see
 * it; for long where a synchronous standby is slow. After 5 seconds what was read has to do.
 */
async function untilVisible(xid: number | undefined, read: () => Promise<Snapshot>): Promise<Snapshot> {
  const giveUpAtMs = performance.now() + VISIBILITY_TIMEOUT_MS;
  for (;;) {
    const snapshot = await read();
    if (xid === undefined || snapshot.sees(xid) || performance.now() > giveUpAtMs) return snapshot;
    await delay(VISIBILITY_PAUSE_MS);
  }
}
