import { displayTable, formatBytes, type ListedTable } from '@colophon/setup';
import type { Colors } from '../terminal.js';
import type { ColumnRule } from './column-rules.js';
import { displayWidth, pad, truncate, visible, wrap } from './display-text.js';

/** A table with what is shown of it. */
export interface ShownTable {
  readonly table: ListedTable;
  readonly bytes: number;
  /** Of the last 24 hours; null where nobody knows. */
  readonly changes: number | null;
  /** Of these, with a context. */
  readonly named: number | null;
  readonly isExact: boolean;
  readonly rules: readonly ColumnRule[];
}

const GAP = '  ';
const HEAD = ['TABLE', 'TRACKED', 'IDENTITY', 'SIZE', 'A DAY', 'NAMED'] as const;

/** The tables as a table: below each, where there is something to say, why it isn't tracked and what is kept out of its records. */
export function renderTables(tables: readonly ShownTable[], columns: number, colors: Colors): string {
  const cells = tables.map(cellsOf);
  const widths = HEAD.map((head, at) => Math.max(head.length, ...cells.map((row) => displayWidth(row[at]!))));
  const rest = widths.slice(1).reduce((sum, width) => sum + width + GAP.length, 0);
  widths[0] = Math.min(widths[0]!, Math.max(16, columns - rest));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => {
        const text = truncate(cell, widths[at]!);
        // Numbers end at the same column.
        return at < 3 ? pad(text, widths[at]!) : ' '.repeat(widths[at]! - displayWidth(text)) + text;
      })
      .join(GAP)
      .trimEnd();
  let text = `${colors.bold(line(HEAD))}\n`;
  for (const [at, shown] of tables.entries()) {
    const row = line(cells[at]!);
    text += `${shown.table.tracked === 'no' ? colors.dim(row) : row}\n`;
    for (const note of notesOf(shown)) {
      for (const part of wrap(note, Math.max(30, columns - 2))) text += `${colors.dim(`  ${part}`)}\n`;
    }
  }
  return text;
}

function cellsOf({ table, bytes, changes, named, isExact }: ShownTable): string[] {
  const { relation, tracked, identity } = table;
  const about = isExact || changes === 0 ? '' : '~';
  return [
    visible(displayTable(relation)),
    tracked,
    identity.toUpperCase(),
    formatBytes(bytes),
    changes === null ? '-' : `${about}${changes.toLocaleString('en')}`,
    changes === null || named === null || changes === 0 ? '-' : `${Math.round((named / changes) * 100)} %`,
  ];
}

function notesOf({ table, rules }: ShownTable): string[] {
  const { relation, leaves, obstacle } = table;
  const notes: string[] = [];
  if (relation.kind === 'partitioned table') {
    notes.push(`${leaves.length} ${leaves.length === 1 ? 'partition' : 'partitions'}`);
  }
  if (obstacle !== null) notes.push(visible(obstacle));
  if (rules.length > 0) {
    notes.push(`columns: ${rules.map(({ column, rule }) => `${visible(column)} ${rule}`).join(', ')}`);
  }
  return notes;
}
