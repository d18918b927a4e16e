import { expect, it } from 'vitest';
import { Backoff } from './backoff.js';

it('doubles up to its limit, less a part by chance, and starts over', () => {
  const longest = new Backoff({ random: () => 0 });
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(() => longest.next())).toEqual([
    100, 200, 400, 800, 1600, 3200, 5000, 5000,
  ]);
  longest.reset();
  expect(longest.next()).toBe(100);
  expect(new Backoff({ random: () => 0.999 }).next()).toBeGreaterThanOrEqual(50);
});
