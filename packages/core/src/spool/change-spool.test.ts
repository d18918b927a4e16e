import { type Change, lsn, type Relation } from '@colophon/protocol';
import { expect, it } from 'vitest';
import { ChangeSpool } from './change-spool.js';

const relation: Relation = { oid: 1, schema: 'public', table: 'todo', partition: null, keyColumns: ['id'] };

function change(sequence: number, text: string): Change {
  return {
    relation,
    operation: 'CREATE',
    sequence,
    position: lsn(BigInt(sequence)),
    segment: 0,
    key: '{"id":1}',
    primaryKey: text,
    before: '{}',
    after: JSON.stringify({ text }),
    unchanged: [],
  };
}

it('gives back from the disk what it was given, whatever ends a line elsewhere', async () => {
  const given = ['a\u2028b\u2029', '\u0085\u000b\u000c', 'a\r\nb\r', '\\u2028', '漢'].map((text, index) =>
    change(index, text),
  );
  const spool = new ChangeSpool({ maxMemoryBytes: 0 });
  await spool.add(given);
  expect(spool.isOnDisk).toBe(true);
  const read: Change[] = [];
  for await (const one of spool.read()) read.push(one);
  await spool.remove();
  expect(read).toEqual(given);
});
