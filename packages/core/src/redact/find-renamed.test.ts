import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findRenamed } from './find-renamed.js';

const sought = (name: string) => new Set([name]);

it('finds a renamed column in the gap that it left, and nothing where it was dropped', () => {
  expect(findRenamed(['id', 'password', 'b'], ['id', 'pass', 'b'], sought('password'))).toEqual(['pass']);
  expect(findRenamed(['id', 'password', 'b'], ['id', 'b'], sought('password'))).toEqual([]);
  expect(findRenamed(['id', 'password', 'b'], ['id', 'b', 'c'], sought('password'))).toEqual([]);
  expect(findRenamed(['id', 'a', 'password', 'b'], ['id', 'pass', 'bb', 'c'], sought('password'))).toContain(
    'pass',
  );
  expect(findRenamed(['password'], ['x', 'y'], sought('password'))).toEqual(['x', 'y']);
  expect(findRenamed(['id', 'password'], ['id', 'note'], sought('password'))).toEqual(['note']);
});

it('finds it also where another column has its name by now', () => {
  const old = ['password_old'];
  expect(
    findRenamed(['id', 'password', 'b'], ['id', 'password_old', 'b', 'password'], sought('password')),
  ).toEqual(old);
  expect(findRenamed(['id', 'password'], ['id', 'password_old', 'password'], sought('password'))).toEqual(
    old,
  );
  expect(
    findRenamed(['id', 'password', 'new'], ['id', 'password_old', 'password'], sought('password')),
  ).toEqual(old);
  expect(findRenamed(['id', 'old', 'password'], ['id', 'password', 'new'], sought('password'))).toEqual([
    'new',
  ]);
  expect(findRenamed(['id', 'password', 'b'], ['id', 'b', 'password'], sought('password'))).toEqual(['b']);
});

it('takes nothing else for it where nothing was renamed', () => {
  expect(findRenamed(['id', 'password'], ['id', 'password', 'b'], sought('password'))).toEqual([]);
  expect(findRenamed(['id', 'password', 'b', 'c'], ['id', 'password', 'c', 'd'], sought('password'))).toEqual(
    [],
  );
  expect(findRenamed(['id', 'password', 'b'], ['id', 'password', 'bb'], sought('password'))).toEqual([]);
});

it('always finds it, whatever else was added, dropped and renamed meanwhile, and whoever has its name', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'drop', 'rename'),
    at: fc.nat(),
    takesName: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.nat(),
      fc.array(step, { maxLength: 8 }),
      (count, at, steps) => {
        let made = count;
        let columns = Array.from({ length: count }, (_, number) => ({ number, name: `c${number}` }));
        const before = columns.map(({ name }) => name);
        const { number, name } = columns[at % count]!;
        for (const { kind, at: place, takesName } of steps) {
          const target = columns[place % Math.max(1, columns.length)];
          const isFree = columns.every((column) => column.name !== name);
          const next = takesName && isFree ? name : `c${made}`;
          if (kind === 'add') columns = [...columns, { number: made++, name: next }];
          else if (kind === 'drop')
            columns = columns.filter((column) => column !== target || column.number === number);
          else {
            made++;
            columns = columns.map((column) => (column === target ? { ...column, name: next } : column));
          }
        }
        const now = columns.map((column) => column.name);
        const current = columns.find((column) => column.number === number)!.name;
        if (current !== name) expect(findRenamed(before, now, sought(name))).toContain(current);
      },
    ),
    { numRuns: 5_000 },
  );
});
