import { formatLsn, type RememberedRelation, type StoredPosition } from '@colophon/protocol';
import pg from 'pg';

/** What the position's update needs to know. */
export interface Advance {
  readonly sourceId: number;
  /** The number of flushes of this source that the consumer knows of. */
  readonly version: bigint;
  readonly position: StoredPosition;
  readonly changes: number;
  readonly newestCommittedAt: string | null;
}

/** The statement that moves a source's position, or fails with SQLSTATE CP001 where somebody else has moved it. */
export function advanceStatement(advance: Advance): string {
  const { sourceId, version, position, changes, newestCommittedAt } = advance;
  const values = [
    sourceId,
    version,
    pg.escapeLiteral(position.systemIdentifier),
    position.timeline,
    `'${formatLsn(position.commitLsn)}'`,
    `'${formatLsn(position.endLsn)}'`,
    changes,
    newestCommittedAt === null ? 'null' : `'${newestCommittedAt}'`,
  ];
  return `SELECT colophon.advance_position(${values.join(', ')})`;
}

/** The statement that keeps tables' keys; empty where there are none. The last of an oid counts. */
export function rememberStatement(sourceId: number, relations: readonly RememberedRelation[]): string {
  if (relations.length === 0) return '';
  const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
  const rows = [...byOid.values()].map((relation) => ({
    oid: relation.oid,
    schema: relation.schema,
    table: relation.table,
    root_schema: relation.rootSchema,
    root_table: relation.rootTable,
    key_columns: relation.keyColumns,
  }));
  return `SELECT colophon.remember_relations(${sourceId}, ${pg.escapeLiteral(JSON.stringify(rows))});`;
}
