import { lsn, type SeenPublication, type SourceDescription } from '@colophon/protocol';
import { expect, it } from 'vitest';
import type { PublishedLook } from '../replication/published-tables.js';
import { comparePublished } from './compare-published.js';

const SOURCE: SourceDescription = {
  name: 'shop',
  environment: '',
  database: 'shop',
  systemIdentifier: '1',
  timeline: 3,
  slot: 'colophon',
};

/** A look at `at`, with the tables that are given, and others that are there. */
function look(
  at: bigint,
  given: Record<number, string>,
  others: number[] = [],
  more: object = {},
): PublishedLook {
  const tables = new Map(Object.entries(given).map(([oid, name]) => [Number(oid), name]));
  const existing = new Set([...tables.keys(), ...others]);
  return {
    beforeLsn: lsn(at),
    afterLsn: lsn(at + 1n),
    isTold: false,
    isWhole: true,
    tables,
    existing,
    ...more,
  };
}

const compare = (before: SeenPublication | null, now: PublishedLook) =>
  comparePublished(SOURCE, 'colophon', before, now);
/** After the looks before the last, what the last one tells. */
function changesOf(...looks: PublishedLook[]) {
  let seen: SeenPublication | null = null;
  let changes: readonly unknown[] = [];
  for (const one of looks) ({ seen, changes } = compare(seen, one));
  return changes;
}

const TODO = { 7: 'public.todo' };

it('the first look finds nothing missing', () => {
  expect(changesOf(look(100n, TODO))).toEqual([]);
});

it('a table that is no longer given is missing from the look before the last one that showed it', () => {
  expect(changesOf(look(100n, TODO), look(200n, TODO), look(300n, {}, [7]))).toEqual([
    { table: 'public.todo', isWhole: false, timeline: 3, lsn: 100n },
  ]);
  expect(changesOf(look(100n, TODO), look(200n, {}, [7]), look(300n, {}, [7]))).toEqual([]);
});

it('it is given again from the end of the look that shows it, by the name under which it went', () => {
  expect(changesOf(look(100n, TODO), look(200n, {}, [7]), look(300n, { 7: 'public.tasks' }))).toEqual([
    { table: 'public.todo', isWhole: true, timeline: 3, lsn: 301n },
  ]);
});

it('a table that is renamed, new, or gone is no gap', () => {
  expect(changesOf(look(100n, TODO), look(200n, { 7: 'sales.todo', 8: 'public.other' }))).toEqual([]);
  expect(changesOf(look(100n, TODO), look(200n, {}))).toEqual([]);
  expect(changesOf(look(100n, TODO), look(200n, {}, [7]), look(300n, {}))).toEqual([]);
});

it('operations that are left out concern all tables', () => {
  const part = look(200n, TODO, [], { isWhole: false });
  expect(changesOf(look(100n, TODO), part)).toEqual([
    { table: null, isWhole: false, timeline: 3, lsn: 100n },
  ]);
  expect(changesOf(look(100n, TODO), part, look(300n, TODO))).toEqual([
    { table: null, isWhole: true, timeline: 3, lsn: 301n },
  ]);
});

it('says nothing where event triggers told of all that lies between; otherwise it does', () => {
  const told = { isTold: true };
  expect(changesOf(look(100n, TODO, [], told), look(200n, {}, [7], told))).toEqual([]);
  expect(changesOf(look(100n, TODO), look(200n, {}, [7], told))).toHaveLength(1);
  expect(changesOf(look(100n, TODO, [], told), look(200n, {}, [7]))).toHaveLength(1);
});

it('knows nothing of another publication, nor of another system; a promotion keeps the timeline of each bound', () => {
  const { seen } = compare(null, look(100n, TODO));
  expect(comparePublished(SOURCE, 'other', seen, look(200n, {}, [7])).changes).toEqual([]);
  const replaced = { ...SOURCE, systemIdentifier: '2' };
  expect(comparePublished(replaced, 'colophon', seen, look(200n, {}, [7])).changes).toEqual([]);
  const promoted = comparePublished({ ...SOURCE, timeline: 4 }, 'colophon', seen, look(50n, {}, [7]));
  expect(promoted.changes).toEqual([{ table: 'public.todo', isWhole: false, timeline: 3, lsn: 100n }]);
  expect(promoted.seen).toMatchObject({ timeline: 4, earlierLsn: 50n, lsn: 50n });
});
