import { expect, it } from 'vitest';
import { baselineLine } from './baseline-line.js';

const table = { oid: 1, schema: 'public', table: 'todo', partition: null, keyColumns: [], columns: '' };
const step = { table, rows: 0n, estimatedRows: null, waitsFor: 0 };

it('shows rows, a share where there is an estimate, and what is waited for', () => {
  expect(baselineLine({ ...step, rows: 1n })).toBe('todo: 1 row');
  expect(baselineLine({ ...step, rows: 1234567n })).toBe('todo: 1,234,567 rows');
  expect(baselineLine({ ...step, rows: 500n, estimatedRows: 2000 })).toBe(
    'todo: █████░░░░░░░░░░░░░░░ 25 %, 500 rows of about 2,000',
  );
  expect(baselineLine({ ...step, rows: 5000n, estimatedRows: 2000 })).toContain(
    ' 99 %, 5,000 rows of about 2,000',
  );
  expect(baselineLine({ ...step, waitsFor: 1 })).toBe('todo: waiting for 1 transaction that writes to it');
  expect(
    baselineLine({ ...step, table: { ...table, schema: 'a', partition: 'todo_2024\n' }, waitsFor: 2 }),
  ).toBe('a.todo (partition todo_2024\\n): waiting for 2 transactions that write to it');
});
