import type { Relation } from '@colophon/protocol';
import type { RelationMessage } from '../decode/message.js';
import type { ColumnPattern } from './column-pattern.js';

/**
 * Which columns of a table are ignored, by the names of its relation message. Other than redaction it follows no renaming: a
 * column that has another name now may be another, and a record too many is better than one too few.
 */
export class IgnoredColumns {
  private readonly patterns: readonly ColumnPattern[];

  constructor(patterns: readonly ColumnPattern[]) {
    this.patterns = patterns;
  }

  /** By the columns' places; null where none is ignored. A partition is met by its own name and by its root's. Never part of the primary key. */
  placesOf(message: RelationMessage, relation: Relation): readonly boolean[] | null {
    const ofTable = this.patterns.filter(
      ({ matchesTable }) =>
        matchesTable(message.schema, message.table) || matchesTable(relation.schema, relation.table),
    );
    if (ofTable.length === 0) return null;
    const places = message.columns.map(
      ({ name }) =>
        !relation.keyColumns.includes(name) && ofTable.some(({ matchesColumn }) => matchesColumn(name)),
    );
    return places.includes(true) ? places : null;
  }
}
