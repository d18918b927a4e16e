import type { Change, Lsn, Relation, TransactionPart } from '@colophon/protocol';
import { expect, it } from 'vitest';
import { type NamedChanges, NamingCount } from './naming-count.js';

const relation = (table: string): Relation => ({
  oid: 1,
  schema: 'public',
  table,
  partition: null,
  keyColumns: [],
});
const [todo, note] = [relation('todo'), relation('note')];
const change = (of: Relation, segment: number) => ({ relation: of, segment }) as Change;
const part = (changes: Change[], contexts: string[] | null) =>
  ({
    changes,
    end: contexts === null ? null : { endLsn: 1n as Lsn, contexts },
  }) as unknown as TransactionPart;

function counted(): { count: NamingCount; flushed: () => string[] } {
  let last: NamedChanges[] = [];
  const count = new NamingCount((counts) => {
    last = [...counts];
  });
  return {
    count,
    flushed: () => {
      count.flush();
      return last.map(({ table, naming, changes }) => `${table} ${naming} ${changes}`).sort();
    },
  };
}

it('knows a change by the context of its segment, which comes with the last part', () => {
  const { count, flushed } = counted();
  count.write([part([change(todo, 0), change(todo, 0), change(note, 0), change(todo, 1)], null)]);
  count.write([
    part([change(todo, 1), change(note, 2)], ['{}', '{"user": 1}', '{"colophon.error": "too large"}']),
  ]);
  count.write([part([change(todo, 0)], ['{"user": 2}'])]);
  expect(flushed()).toEqual(['note error 1', 'note unnamed 1', 'todo named 3', 'todo unnamed 2']);
  expect(flushed()).toEqual([]);
});

it('forgets what was not flushed, and what is half', () => {
  const { count, flushed } = counted();
  count.write([part([change(todo, 0)], ['{}']), part([change(todo, 0)], null)]);
  count.forget();
  count.write([part([change(todo, 0)], ['{"user": 1}'])]);
  expect(flushed()).toEqual(['todo named 1']);
});
