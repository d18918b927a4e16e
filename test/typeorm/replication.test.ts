import { runWithContext } from '@colophon/context';
import { plainly, startProxy, type TcpProxy } from '@colophon/testkit';
import { ColophonSubscriber } from '@colophon/typeorm';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchPrimaryAndStandby, type PrimaryAndStandby } from '../hot-standby.js';
import { openSlot } from '../pg/decoded.js';
import { VERSIONS } from './versions.js';

const REPLICAS = 2;
let servers: PrimaryAndStandby;
let slot: Awaited<ReturnType<typeof openSlot>>;

beforeAll(async () => {
  servers = await launchPrimaryAndStandby(`
    CREATE TABLE item (id int PRIMARY KEY, owner text NOT NULL);
    INSERT INTO item VALUES (1, 'ann');
    CREATE FUNCTION touch(i int) RETURNS int LANGUAGE sql AS 'UPDATE item SET owner = owner WHERE id = i RETURNING id';`);
  slot = await openSlot(servers.primary.url(), 'replication');
});
afterAll(async () => {
  await slot?.close();
  await servers?.stop();
});

describe.each(VERSIONS)('%s', (_, typeorm) => {
  const item = new typeorm.EntitySchema<{ id: number; owner: string }>({
    name: 'item',
    columns: { id: { type: 'int', primary: true }, owner: { type: 'text' } },
  });

  /** Opens a data source with its replicas behind a proxy, for the time of `work`. */
  async function replicated<T>(
    subscribers: (typeof ColophonSubscriber)[],
    work: (dataSource: DataSource, replicas: TcpProxy) => Promise<T>,
  ): Promise<T> {
    const { primary, standby } = servers;
    const proxy = await startProxy({ host: '127.0.0.1', port: standby.port });
    const dataSource = new typeorm.DataSource({
      type: 'postgres',
      poolSize: 1,
      entities: [item],
      subscribers,
      replication: {
        master: { url: primary.url() },
        slaves: Array.from({ length: REPLICAS }, () => ({ url: proxy.url(standby.url()) })),
      },
    });
    try {
      await dataSource.initialize();
      return await work(dataSource, proxy);
    } finally {
      if (dataSource.isInitialized) await dataSource.destroy();
      await proxy.close();
    }
  }

  const asAnn = <T>(work: () => T): T => runWithContext({ user: 'ann' }, work);

  it('writes go to the primary with their context; reads on a replica send not a byte more', async () => {
    const bytesOf = (subscribers: (typeof ColophonSubscriber)[]) =>
      replicated(subscribers, async (dataSource, replicas) => {
        const before = replicas.bytes.toServer;
        for (let n = 0; n < 10; n++) await asAnn(() => dataSource.getRepository(item).findOneBy({ id: 1 }));
        const reads = replicas.bytes.toServer - before;
        const turns = replicas.turns();
        await asAnn(async () => {
          await dataSource.getRepository(item).update({ id: 1 }, { owner: 'ann' });
          await dataSource.transaction((manager) => manager.increment(item, { id: 1 }, 'id', 0));
        });
        expect(replicas.turns()).toBe(turns);
        return reads;
      });
    const plain = await bytesOf([]);
    expect((await slot.rows()).map(({ context }) => context)).toEqual(['{}', '{}']);
    expect(await bytesOf([ColophonSubscriber])).toBe(plain);
    const named = '{"user":"ann"}';
    expect((await slot.rows()).map(({ context }) => context)).toEqual([named, named]);
  });

  it('what may write on a replica, or tries to, gives what it gives without', async () => {
    const outcomesOf = (subscribers: (typeof ColophonSubscriber)[]) =>
      replicated(subscribers, (dataSource) =>
        asAnn(async () => {
          const runner = dataSource.createQueryRunner('slave');
          const outcomes = [];
          for (const sql of [
            'SELECT touch(99)',
            'SELECT touch(1)',
            "UPDATE item SET owner = 'x'",
            "INSERT INTO item VALUES (2, 'x')",
            'SELECT count(*)::int FROM item WHERE id = 1',
          ]) {
            outcomes.push(await runner.query(sql).then(plainly, plainly));
          }
          await runner.release();
          return outcomes;
        }),
      );
    const plain = await outcomesOf([]);
    expect(JSON.stringify(plain)).toContain('25006');
    expect(await outcomesOf([ColophonSubscriber])).toEqual(plain);
  });
});
