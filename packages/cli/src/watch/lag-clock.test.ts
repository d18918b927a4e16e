import { lsn } from '@colophon/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LagClock } from './lag-clock.js';

const at = (value: number) => lsn(BigInt(value));

it('is nothing where everything is acknowledged, whatever the time since', () => {
  const clock = new LagClock();
  expect(clock.look(at(100), at(100), 0)).toBe(0);
  expect(clock.look(at(100), at(100), 3_600_000)).toBe(0);
  // What is new since the last look is at most as old as that.
  expect(clock.look(at(200), at(100), 3_605_000)).toBe(5);
});

it('grows while nothing is acknowledged, and shrinks along the line when it is caught up', () => {
  const clock = new LagClock();
  clock.look(at(0), at(0), 0);
  expect(clock.look(at(1_000), at(0), 10_000)).toBe(10);
  expect(clock.look(at(2_000), at(0), 20_000)).toBe(20);
  expect(clock.look(at(2_000), at(500), 21_000)).toBe(16);
  expect(clock.look(at(2_000), at(1_500), 22_000)).toBe(7);
  expect(clock.look(at(2_000), at(2_000), 23_000)).toBe(0);
});

it('counts from the last look at a log that stood still', () => {
  const clock = new LagClock();
  clock.look(at(0), at(0), 0);
  clock.look(at(5), at(0), 1_000);
  clock.look(at(5), at(0), 2_000);
  clock.look(at(5), at(4), 9_000);
  expect(clock.look(at(10), at(5), 10_000)).toBe(1);
});

it('says where it can only give the least: what was behind before the first look', () => {
  const clock = new LagClock();
  expect(clock.look(at(1_000), at(0), 0)).toBe(0);
  expect(clock.isAtLeast).toBe(true);
  expect(clock.look(at(1_000), at(0), 30_000)).toBe(30);
  clock.look(at(2_000), at(1_500), 40_000);
  expect(clock.isAtLeast).toBe(false);
});

it('begins anew on another server, whose positions are lower', () => {
  const clock = new LagClock();
  clock.look(at(5_000), at(5_000), 0);
  expect(clock.look(at(900), at(100), 60_000)).toBe(0);
  expect(clock.isAtLeast).toBe(true);
});

it('is right to within the looks around it, and keeps few of them', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ written: fc.nat(1_000), acknowledged: fc.double({ min: 0, max: 1, noNaN: true }) }),
        {
          maxLength: 60,
        },
      ),
      (steps) => {
        const clock = new LagClock();
        const ends: [number, number][] = [[0, 0]];
        clock.look(at(0), at(0), 0);
        let [end, confirmed] = [0, 0];
        steps.forEach(({ written, acknowledged }, index) => {
          const nowMs = (index + 1) * 1_000;
          end += written;
          confirmed += Math.floor((end - confirmed) * acknowledged);
          ends.push([end, nowMs]);
          const lag = clock.look(at(end), at(confirmed), nowMs);
          const beforeMs = ends.filter(([lsn]) => lsn <= confirmed).at(-1)![1];
          const afterMs = ends.find(([lsn]) => lsn > confirmed)?.[1] ?? nowMs;
          expect(lag).toBeLessThanOrEqual((nowMs - beforeMs) / 1_000 + 1e-9);
          expect(lag).toBeGreaterThanOrEqual((nowMs - afterMs) / 1_000 - 1e-9);
        });
      },
    ),
  );
  const standstill = new LagClock();
  standstill.look(at(0), at(0), 0);
  for (let look = 1; look < 5_000; look++) standstill.look(at(look), at(0), look * 5_000);
  expect(standstill.look(at(5_000), at(0), 25_000_000)).toBe(25_000);
  expect((standstill as unknown as { samples: unknown[] }).samples.length).toBeLessThanOrEqual(1_000);
});
