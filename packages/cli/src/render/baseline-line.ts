import type { BaselineStep } from '@colophon/core';
import { displayTable } from '@colophon/setup';
import { visible } from './display-text.js';

const CELLS = 20;

/** Where a table's copy stands, in one line: with a bar where the server has an estimate of the rows. */
export function baselineLine({ table, rows, estimatedRows, waitsFor }: BaselineStep): string {
  const name = baselineName(table);
  if (waitsFor > 0) {
    return `${name}: waiting for ${waitsFor} ${waitsFor === 1 ? 'transaction' : 'transactions'} that ${waitsFor === 1 ? 'writes' : 'write'} to it`;
  }
  const copied = `${rows.toLocaleString('en')} ${rows === 1n ? 'row' : 'rows'}`;
  if (estimatedRows === null || estimatedRows <= 0) return `${name}: ${copied}`;
  // An estimate: what is done may be more, and is not all before it is.
  const share = Math.min(0.99, Number(rows) / estimatedRows);
  const full = Math.floor(share * CELLS);
  return `${name}: ${'█'.repeat(full)}${'░'.repeat(CELLS - full)} ${Math.floor(share * 100)} %, ${copied} of about ${Math.round(estimatedRows).toLocaleString('en')}`;
}

/** The table as people write it, with the partition that it is. */
export function baselineName(table: {
  readonly schema: string;
  readonly table: string;
  readonly partition: string | null;
}): string {
  const name = displayTable({ schema: table.schema, name: table.table });
  return visible(table.partition === null ? name : `${name} (partition ${table.partition})`);
}
