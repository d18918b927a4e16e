import type { Lsn } from '@colophon/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Acknowledger } from './acknowledger.js';

const at = (value: number) => BigInt(value) as Lsn;
const MIB = 2 ** 20;

function setUp(confirmed = 100) {
  const sent: number[] = [];
  const markers: string[] = [];
  let due = 0;
  const acknowledger = new Acknowledger(
    { acknowledge: (lsn) => void sent.push(Number(lsn)) },
    at(confirmed),
    {
      acknowledged: () => {},
      marker: (token) => void markers.push(token),
    },
  );
  return {
    acknowledger,
    sent,
    markers,
    due: () => due,
    keepLedger: (lsn: number) => acknowledger.keepLedger(at(lsn), () => due++),
  };
}

it('acknowledges nothing that the ledger does not have, whatever comes in whatever order', () => {
  const step = fc.record({
    kind: fc.constantFrom('commit', 'empty', 'keepalive', 'asked', 'stored', 'account', 'last', 'sign'),
    bytes: fc.integer({ min: 1, max: MIB }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { acknowledger, sent, keepLedger } = setUp();
      keepLedger(100);
      let position = 100;
      let ledger = 100;
      const unstored: number[] = [];
      for (const { kind, bytes } of steps) {
        position += bytes;
        switch (kind) {
          case 'commit':
          case 'empty':
            acknowledger.begin();
            acknowledger.commit(at(position), kind === 'commit');
            if (kind === 'commit') unstored.push(position);
            break;
          case 'keepalive':
          case 'asked':
            acknowledger.keepalive(at(position), kind === 'asked');
            break;
          case 'stored': {
            const stored = unstored.shift();
            if (stored === undefined) break;
            ledger = Math.max(ledger, stored);
            acknowledger.stored(at(stored));
            break;
          }
          case 'sign':
            acknowledger.giveSignOfLife(false);
            break;
          default: {
            const lsn = acknowledger.takeAccount(kind === 'last');
            if (lsn === null) break;
            // Never over what waits to be stored.
            expect(Number(lsn)).toBeLessThanOrEqual(unstored[0] ?? position);
            ledger = Math.max(ledger, Number(lsn));
            acknowledger.accounted(lsn);
          }
        }
        expect(Math.max(0, ...sent)).toBeLessThanOrEqual(ledger);
      }
      expect(sent).toEqual(sent.toSorted((a, b) => a - b));
    }),
  );
});

it('lets idle log wait for a mebibyte, for a drain, for a server that asks, or for the end', () => {
  const { acknowledger, sent, markers, due, keepLedger } = setUp();
  keepLedger(100);
  acknowledger.keepalive(at(5_000), false);
  expect([acknowledger.takeAccount(), acknowledger.takeAccount(true), due()]).toEqual([null, at(5_000), 0]);
  acknowledger.begin();
  acknowledger.commit(at(6_000), false, ['drain']);
  expect([acknowledger.takeAccount(), due(), markers]).toEqual([at(6_000), 1, []]);
  acknowledger.accounted(at(6_000));
  expect([sent.at(-1), markers]).toEqual([6_000, ['drain']]);
  acknowledger.keepalive(at(6_000 + MIB), false);
  expect([acknowledger.takeAccount(), due()]).toEqual([at(6_000 + MIB), 2]);
  acknowledger.accounted(at(6_000 + MIB));
  const before = sent.length;
  acknowledger.keepalive(at(6_001 + MIB), true);
  // Its answer is the acknowledgement: another would only be asked for again.
  expect(sent).toHaveLength(before);
  expect(acknowledger.takeAccount()).toBe(at(6_001 + MIB));
  acknowledger.accounted(at(6_001 + MIB));
  expect(sent.at(-1)).toBe(6_001 + MIB);
  acknowledger.keepalive(at(6_001 + MIB), true);
  expect(sent).toHaveLength(before + 2);
});

it('without a ledger acknowledges what is idle at once; held, nothing', () => {
  const { acknowledger, sent } = setUp();
  acknowledger.keepalive(at(200), false);
  expect(sent).toEqual([200]);
  const held = setUp();
  held.keepLedger(10_000);
  held.acknowledger.hold();
  held.acknowledger.begin();
  held.acknowledger.commit(at(300), false);
  held.acknowledger.keepalive(at(400), true);
  expect(held.sent.every((lsn) => lsn === 100)).toBe(true);
  held.acknowledger.release();
  held.acknowledger.keepalive(at(500), false);
  expect(held.sent.at(-1)).toBe(500);
});

it('accounts for the rest once when it has been quiet for some signs of life, and not for what that has written', () => {
  const { acknowledger, sent, due, keepLedger } = setUp();
  keepLedger(100);
  acknowledger.keepalive(at(100 + MIB), false);
  acknowledger.accounted(at(100 + MIB));
  acknowledger.keepalive(at(200 + MIB), false);
  const before = due();
  acknowledger.giveSignOfLife(false);
  acknowledger.giveSignOfLife(false);
  expect(due()).toBe(before);
  acknowledger.giveSignOfLife(false);
  expect(due()).toBe(before + 1);
  expect(acknowledger.takeAccount()).toBe(at(200 + MIB));
  acknowledger.accounted(at(200 + MIB));
  expect(sent.at(-1)).toBe(200 + MIB);
  acknowledger.keepalive(at(300 + MIB), false);
  for (let sign = 0; sign < 10; sign++) acknowledger.giveSignOfLife(false);
  expect(due()).toBe(before + 1);
});
