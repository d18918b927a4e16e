import { type Consumer, createConsumer } from '@colophon/core';
import { ColophonError } from '@colophon/protocol';
import { seededRandom, seedFromEnvironment, startProxy, type TcpProxy } from '@colophon/testkit';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { RecordingSink } from './recording-sink.js';
import { createSource, type SourceFixture } from './source-fixture.js';

let source: SourceFixture;
let proxy: TcpProxy;
beforeEach(async () => {
  source = await createSource(inject('serverUrl'));
  const { hostname, port } = new URL(source.url);
  proxy = await startProxy({ host: hostname, port: Number(port) });
});
afterEach(async () => {
  await proxy.close();
  await source.drop();
});

const next = (consumer: Consumer, event: 'warning' | 'stored' | 'progress'): Promise<unknown> =>
  new Promise((resolve) => {
    const listener = (...[value]: unknown[]) => {
      consumer.off(event, listener);
      resolve(value);
    };
    consumer.on(event, listener);
  });

/** Writers that commit as fast as they can, so that commit records lie side by side. */
function startWriters(count: number): { stop(): Promise<number> } {
  let isOver = false;
  const writers = Array.from({ length: count }, async () => {
    const client = new pg.Client({ connectionString: source.url });
    await client.connect();
    let rows = 0;
    while (!isOver) {
      await client.query("INSERT INTO todo (title) VALUES ('x'), ('y')");
      rows += 2;
    }
    await client.end();
    return rows;
  });
  return {
    stop: async () => {
      isOver = true;
      return (await Promise.all(writers)).reduce((sum, rows) => sum + rows, 0);
    },
  };
}

async function expectEqual(sink: RecordingSink): Promise<void> {
  const { rows } = await source.client.query('SELECT id::text FROM todo ORDER BY todo.id');
  const stored = sink.stored.map((change) => change.primaryKey as string);
  expect(new Set(stored).size).toBe(stored.length);
  expect(stored.toSorted((a, b) => Number(a) - Number(b))).toEqual(rows.map((row) => row.id));
  const order = sink.stored.map(({ facts }) => facts.commitLsn);
  expect(order.every((lsn, at) => at === 0 || (order[at - 1] as bigint) <= lsn)).toBe(true);
}

describe('a consumer through faults', () => {
  it('loses and doubles nothing while its connection is cut again and again among adjacent commits', async () => {
    const sink = new RecordingSink();
    const consumer = createConsumer({ source: proxy.url(source.url), slot: source.slot, sink });
    const run = consumer.run();
    const writers = startWriters(16);
    for (let cut = 0; cut < 25; cut++) {
      // A few flushes between cuts, so that each connection begins behind an acknowledgement of its own.
      for (let flush = 0; flush <= cut % 4; flush++) await next(consumer, 'stored');
      proxy.cut();
    }
    const rows = await writers.stop();
    await consumer.drain(30_000);
    await consumer.stop();
    await run;
    expect(consumer.status().reconnects).toBeGreaterThanOrEqual(15);
    expect(sink.stored).toHaveLength(rows);
    await expectEqual(sink);
  });

  it('loses and doubles nothing where each run ends in order and the next begins', {
    timeout: 180_000,
  }, async () => {
    const sink = new RecordingSink();
    const writers = startWriters(16);
    for (let round = 0; round < 80; round++) {
      const consumer = createConsumer({ source: source.url, slot: source.slot, sink, gatherMs: 0 });
      const run = consumer.run();
      await next(consumer, 'stored');
      await consumer.stop();
      await run;
      // Only what was acknowledged counts: this sink forgets its position.
      sink.position = null;
    }
    await writers.stop();
    const consumer = createConsumer({ source: source.url, slot: source.slot, sink });
    const run = consumer.run();
    await consumer.drain(30_000);
    await consumer.stop();
    await run;
    await expectEqual(sink);
  });

  it('stores everything once through a sink that fails at random points', async () => {
    const sink = new RecordingSink();
    const seed = seedFromEnvironment();
    console.info(`SEED=${seed}`);
    const random = seededRandom(seed);
    // Drawn for each attempt, not for each write: a backlog takes many writes, and would hardly ever be stored.
    const points = ['open', 'write', 'flush', 'afterFlush'] as const;
    const draw = () => (random.chance(0.5) ? random.pick(points) : null);
    let drawn = draw();
    let failures = 0;
    const failIfDrawn = (point: (typeof points)[number]) => () => {
      const isDrawn = drawn === point;
      if (isDrawn || point === 'afterFlush') drawn = draw();
      if (!isDrawn) return;
      failures++;
      throw new Error('the store is away');
    };
    for (const point of points) sink.faults[point] = failIfDrawn(point);
    const consumer = createConsumer({ source: source.url, slot: source.slot, sink });
    const run = consumer.run();
    const writers = startWriters(8);
    while (failures < 25) await next(consumer, 'warning');
    await writers.stop();
    sink.faults = {};
    await consumer.drain(30_000);
    await consumer.stop();
    await run;
    await expectEqual(sink);
  });

  it('ends at once where the sink says that trying again is of no use', async () => {
    const sink = new RecordingSink();
    sink.faults.open = () => {
      throw new ColophonError('STORE_MISSING', 'There is no store.');
    };
    const consumer = createConsumer({ source: source.url, slot: source.slot, sink });
    await expect(consumer.run()).rejects.toMatchObject({ code: 'STORE_MISSING' });
    expect(consumer.status().state).toBe('failed');
  });

  it('waits longer and longer where the sink refuses everything, though the source delivers', async () => {
    const sink = new RecordingSink();
    sink.faults.flush = () => {
      throw new Error('no');
    };
    const consumer = createConsumer({ source: source.url, slot: source.slot, sink });
    const run = consumer.run();
    const startedAt = performance.now();
    await source.client.query("INSERT INTO todo (title) VALUES ('x')");
    for (let failures = 0; failures < 6; failures++) await next(consumer, 'warning');
    // Half of 100 + 200 + 400 + 800 + 1,600 at the least.
    expect(performance.now() - startedAt).toBeGreaterThan(1_550);
    sink.faults = {};
    await consumer.drain(20_000);
    await consumer.stop();
    await run;
    await expectEqual(sink);
  });

  it('refuses to add to the records of another server', async () => {
    const sink = new RecordingSink();
    sink.position = { systemIdentifier: '1', timeline: 1, commitLsn: 1n as never, endLsn: 2n as never };
    const consumer = createConsumer({ source: source.url, slot: source.slot, sink });
    await expect(consumer.run()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });

  it('does not skip by a position of another timeline', async () => {
    const { rows } = await source.client.query(
      'SELECT system_identifier::text AS id FROM pg_control_system()',
    );
    const sink = new RecordingSink();
    const far = (2n ** 60n) as never;
    sink.position = { systemIdentifier: rows[0].id, timeline: 99, commitLsn: far, endLsn: far };
    const consumer = createConsumer({ source: source.url, slot: source.slot, sink });
    const run = consumer.run();
    await source.client.query("INSERT INTO todo (title) VALUES ('x')");
    await consumer.drain(10_000);
    await consumer.stop();
    await run;
    await expectEqual(sink);
  });

  it('gives up a connection that is silent, and goes on when the network is back', async () => {
    const sink = new RecordingSink();
    const consumer = createConsumer({
      source: proxy.url(source.url),
      slot: source.slot,
      sink,
      silenceTimeoutMs: 400,
    });
    const run = consumer.run();
    await source.client.query("INSERT INTO todo (title) VALUES ('before')");
    await next(consumer, 'stored');
    proxy.pause();
    expect(await next(consumer, 'warning')).toMatchObject({ code: 'CONNECTION_LOST' });
    await source.client.query("INSERT INTO todo (title) VALUES ('after')");
    proxy.resume();
    if (sink.stored.length < 2) await next(consumer, 'stored');
    await consumer.stop();
    await run;
    await expectEqual(sink);
  });

  it('keeps the connection, and memory, while the sink is slower than wal_sender_timeout', async () => {
    const name = new URL(source.url).pathname.slice(1);
    await source.client.query(`ALTER DATABASE ${name} SET wal_sender_timeout = '1s'`);
    const sink = new RecordingSink();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const consumer = createConsumer({ source: source.url, slot: source.slot, sink, queueBytes: 2 ** 20 });
    const run = consumer.run();
    const isBusy = new Promise<void>((resolve) => {
      sink.faults.write = () => {
        resolve();
        return held;
      };
    });
    await source.client.query("INSERT INTO todo (title) VALUES ('first')");
    await isBusy;
    // 200 MB, in transactions of 2 MB.
    await source.client.query(
      "DO $$ BEGIN FOR i IN 1..100 LOOP INSERT INTO todo (title) SELECT repeat('x', 20000) FROM generate_series(1, 100); COMMIT; END LOOP; END $$",
    );
    // The server's own clock says that it would have cut us by now.
    await source.client.query('SELECT pg_sleep(3)');
    const { queuedChanges } = consumer.status();
    expect(queuedChanges).toBeGreaterThan(0);
    expect(queuedChanges).toBeLessThan(1_000);
    sink.faults = {};
    release();
    await consumer.drain(40_000);
    await consumer.stop();
    await run;
    expect(consumer.status().reconnects).toBe(0);
    expect(sink.stored).toHaveLength(10_001);
    await expectEqual(sink);
  });

  it('leaves nothing half where it is stopped inside a large transaction', async () => {
    const sink = new RecordingSink();
    const consumer = createConsumer({ source: source.url, slot: source.slot, sink, batchChanges: 1_000 });
    const run = consumer.run();
    const isWriting = new Promise<void>((resolve) => {
      sink.faults.write = resolve;
    });
    await source.client.query("INSERT INTO todo (title) SELECT 'x' FROM generate_series(1, 100000)");
    await isWriting;
    await consumer.stop();
    await run;
    expect(sink.stored).toHaveLength(0);
    sink.faults = {};
    const second = createConsumer({ source: source.url, slot: source.slot, sink });
    const again = second.run();
    await second.drain(30_000);
    await second.stop();
    await again;
    await expectEqual(sink);
  });
});

describe('the slot', () => {
  it('is taken over by the consumer that waits for it', async () => {
    const [first, second] = [new RecordingSink(), new RecordingSink()];
    const one = createConsumer({ source: source.url, slot: source.slot, sink: first });
    const running = one.run();
    await source.client.query("INSERT INTO todo (title) VALUES ('one')");
    await one.drain(10_000);
    const two = createConsumer({ source: source.url, slot: source.slot, sink: second });
    const isWaiting = new Promise<void>((resolve) => {
      two.on('state', (state) => state === 'waiting' && resolve());
    });
    const waiting = two.run();
    await isWaiting;
    // Not opened while it waits: the sink may hold a lock.
    expect(second.opens).toBe(0);
    await one.stop();
    await running;
    const freeAt = performance.now();
    await source.client.query("INSERT INTO todo (title) VALUES ('two')");
    await two.drain(10_000);
    expect(performance.now() - freeAt).toBeLessThan(5_000);
    expect(second.stored.map(({ primaryKey }) => primaryKey)).toEqual(['2']);
    await two.stop();
    await waiting;
  });

  it('ends the run of one that is told not to wait, or not for long', async () => {
    const one = createConsumer({ source: source.url, slot: source.slot, sink: new RecordingSink() });
    const running = one.run();
    await one.drain(10_000);
    const options = { source: source.url, slot: source.slot, sink: new RecordingSink() };
    const expected = { code: 'SLOT_IN_USE' };
    await expect(createConsumer({ ...options, waitForSlot: false }).run()).rejects.toMatchObject(expected);
    await expect(createConsumer({ ...options, slotTimeoutMs: 50 }).run()).rejects.toMatchObject(expected);
    await one.stop();
    await running;
  });
});
