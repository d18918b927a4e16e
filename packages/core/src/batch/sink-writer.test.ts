import type {
  AccountedPosition,
  Change,
  Lsn,
  Sink,
  StoredPosition,
  TransactionPart,
} from '@colophon/protocol';
import { expect, it } from 'vitest';
import { PartQueue } from './part-queue.js';
import { SinkWriter } from './sink-writer.js';

function whole(transaction: number): TransactionPart {
  const facts = {
    systemIdentifier: '1',
    timeline: 1,
    xid: transaction,
    commitLsn: BigInt(transaction * 10) as Lsn,
    committedAtMicros: 0n,
    receivedAtMs: 0,
  };
  return {
    facts,
    changes: new Array<Change>(1),
    end: { endLsn: BigInt(transaction * 10 + 5) as Lsn, contexts: [] },
  };
}

function setUp(
  sink: Partial<Sink>,
  gatherMs = 0,
  accounts: (isLast: boolean) => AccountedPosition | null = () => null,
) {
  const queue = new PartQueue();
  const stored: StoredPosition[] = [];
  const accounted: AccountedPosition[] = [];
  let onStored = () => {};
  const writer = new SinkWriter({
    sink: {
      open: async () => null,
      write: async () => {},
      flush: async () => {},
      close: async () => {},
      ...sink,
    },
    queue,
    limits: { maxChanges: 100, maxBytes: 1_000 },
    gatherMs,
    takeRemembered: () => [],
    onTaken: () => {},
    takeAccount: (isLast) => accounts(isLast),
    takeErrand: () => null,
    onAccounted: (position) => {
      accounted.push(position);
    },
    onStored: (position) => {
      stored.push(position);
      onStored();
    },
  });
  const put = (transaction: number) => {
    queue.push(whole(transaction), 1);
    writer.notify();
  };
  const nextStored = () =>
    new Promise<void>((resolve) => {
      onStored = resolve;
    });
  return { queue, writer, stored, accounted, put, nextStored };
}

it('makes one batch of what gathers while the sink is busy', async () => {
  const writes: number[] = [];
  let release = () => {};
  const { writer, stored, put, nextStored } = setUp({
    write: async (parts) => {
      writes.push(parts.length);
      if (writes.length === 1) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
    },
  });
  const run = writer.run();
  put(1);
  await Promise.resolve();
  for (let transaction = 2; transaction <= 50; transaction++) put(transaction);
  const first = nextStored();
  release();
  await first;
  if (stored.length < 2) await nextStored();
  expect(writes).toEqual([1, 49]);
  writer.finish();
  await run;
});

it('rejects with the sink’s error, and stores what is whole before it ends', async () => {
  const failing = setUp({
    flush: async () => {
      throw new Error('disk full');
    },
  });
  failing.put(1);
  await expect(failing.writer.run()).rejects.toThrow('disk full');

  const finishing = setUp({});
  for (const transaction of [1, 2, 3]) finishing.put(transaction);
  finishing.queue.push({ ...whole(4), end: null }, 1);
  finishing.writer.finish();
  await finishing.writer.run();
  expect(finishing.stored.at(-1)?.endLsn).toBe(35n);
  expect(finishing.queue.changes).toBe(1);
});

it('accounts for what needs no storing between transactions only, and once more at the end', async () => {
  const calls: string[] = [];
  const at = (lsn: number): AccountedPosition => ({
    systemIdentifier: '1',
    timeline: 1,
    lsn: BigInt(lsn) as Lsn,
  });
  let due: AccountedPosition | null = at(7);
  let onCall = () => {};
  const called = (name: string) => {
    calls.push(name);
    onCall();
  };
  const nextCall = () =>
    new Promise<void>((resolve) => {
      onCall = resolve;
    });
  const { queue, writer, accounted, put } = setUp(
    {
      write: async () => called('write'),
      flush: async () => called('flush'),
      account: async (position) => {
        due = null;
        called(`account ${position.lsn}`);
      },
    },
    0,
    (isLast) => (isLast && accounted.length < 2 ? at(99) : due),
  );
  const { facts, changes } = whole(1);
  queue.push({ facts, changes, end: null }, 1);
  const half = nextCall();
  const running = writer.run();
  await half;
  for (const _ of ['the end is written', 'flushed', 'accounted for']) {
    const next = nextCall();
    if (calls.length === 1) put(1);
    await next;
  }
  writer.finish();
  await running;
  expect(calls).toEqual(['write', 'write', 'flush', 'account 7', 'account 99']);
});
