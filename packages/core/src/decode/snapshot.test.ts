import { expect, it } from 'vitest';
import { Snapshot } from './snapshot.js';

it('sees what is before it and not in progress, over the wrap of 32 bits', () => {
  const snapshot = new Snapshot('4294967290:4294967300:4294967293,4294967298');
  const seen = [2_147_483_700, 4_294_967_289, 4_294_967_290, 4_294_967_292, 4_294_967_295, 0, 1, 3];
  const unseen = [100, 4_294_967_293, 2, 4, 5, 1_000_000];
  // 100 is far ahead of the wrap: the future, not the past.
  expect(seen.filter((xid) => !snapshot.sees(xid))).toEqual([]);
  expect(unseen.filter((xid) => snapshot.sees(xid))).toEqual([]);
  expect(new Snapshot('740:740:').sees(739)).toBe(true);
  expect(new Snapshot('740:740:').sees(740)).toBe(false);
});
