import { runWithContext } from '@colophon/context';
import { colophon } from '@colophon/prisma';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPrismaDatabase, type PrismaDatabase } from './prisma-database.js';
import { type Client, prisma7, versions } from './prisma-version.js';

const LEVELS = ['ReadUncommitted', 'ReadCommitted', 'RepeatableRead', 'Serializable'] as const;
const SHOWN = ['read uncommitted', 'read committed', 'repeatable read', 'serializable'];

describe.each(versions)('transactions, $name', (version) => {
  let database: PrismaDatabase;
  let pool: pg.Pool;
  let prisma: Client;
  let id = 0;

  const as = <T>(user: string, work: () => T): T => runWithContext({ user }, work);
  const item = (owner: string) => ({ data: { id: ++id, owner } });
  const created = (...owners: string[]) => owners.map((owner) => ['CREATE', 'item', owner, owner]);

  beforeAll(async () => {
    database = await openPrismaDatabase();
    pool = new pg.Pool({ connectionString: database.url, max: 3 });
    prisma = version.overPool(pool).$extends(colophon()) as unknown as Client;
  });
  afterAll(async () => {
    await prisma?.$disconnect();
    await pool?.end();
    await database?.drop();
  });

  it.each(LEVELS)('%s, by a function and by an array, of one user and of several', async (isolationLevel) => {
    const level = () => prisma.$queryRaw<{ transaction_isolation: string }[]>`SHOW transaction_isolation`;
    const wanted = [{ transaction_isolation: SHOWN[LEVELS.indexOf(isolationLevel)] }];
    const inside = await as('ann', () =>
      prisma.$transaction(
        async (tx) => {
          await tx.item.create(item('ann'));
          await as('bob', () => tx.item.create(item('bob')));
          return tx.$queryRaw`SHOW transaction_isolation`;
        },
        { isolationLevel },
      ),
    );
    expect(inside).toEqual(wanted);
    const options = { isolationLevel, maxWait: 60_000 };
    const one = await as('ann', () =>
      prisma.$transaction([prisma.item.create(item('ann')), level()], options),
    );
    const several = [as('bob', () => prisma.item.create(item('bob'))), as('cid', level)] as const;
    expect([one[1], (await prisma.$transaction([...several], options))[1]]).toEqual([wanted, wanted]);
    expect(await database.changes()).toEqual(created('ann', 'bob', 'ann', 'bob'));
  });

  it('an array of several users that fails leaves nothing, and the connection serves the next', async () => {
    const taken = ++id;
    await as('ann', () => prisma.item.create({ data: { id: taken, owner: 'ann' } }));
    const elements = ['bob', 'cid'].map((owner) => as(owner, () => prisma.item.create(item(owner))));
    const fails = as('dan', () => prisma.item.create({ data: { id: taken, owner: 'dan' } }));
    await expect(prisma.$transaction([...elements, fails, elements[0]!])).rejects.toMatchObject({
      code: 'P2002',
    });
    await as('eve', () => prisma.item.create(item('eve')));
    expect(await database.changes()).toEqual(created('ann', 'eve'));
    expect(pool.idleCount).toBe(pool.totalCount);
  });

  it('a write conflict, tried again: P2034, and the name of who tries', async () => {
    const contested = ++id;
    await as('ann', () => prisma.item.create({ data: { id: contested, owner: 'ann' } }));
    await database.changes();
    let attempts = 0;
    const attempt = (owner: string): Promise<void> =>
      prisma.$transaction(
        async (tx) => {
          await tx.item.findUnique({ where: { id: contested } });
          // Somebody else's change comes between, the first time.
          if (++attempts === 1)
            await as('bob', () => prisma.item.update({ where: { id: contested }, data: { owner: 'bob' } }));
          await tx.item.update({ where: { id: contested }, data: { owner } });
        },
        { isolationLevel: 'Serializable' },
      );
    await as('cid', async () => {
      await expect(attempt('cid')).rejects.toMatchObject({ code: 'P2034' });
      await attempt('cid');
    });
    expect(await database.changes()).toEqual([
      ['UPDATE', 'item', 'bob', 'bob'],
      ['UPDATE', 'item', 'cid', 'cid'],
    ]);
  });

  // Prisma 6 has none.
  const nested = version === prisma7 ? ['savepoints, released and rolled back'] : [];
  it.each(nested)('nested: %s', async () => {
    await as('ann', () =>
      prisma.$transaction(async (tx) => {
        await as('bob', () => tx.$transaction((inner) => inner.item.create(item('bob'))));
        const stop = new Error('stop');
        const stopped = as('cid', () =>
          tx.$transaction(async (inner) => {
            await inner.item.create(item('cid'));
            throw stop;
          }),
        );
        await expect(stopped).rejects.toBe(stop);
        await tx.$transaction(async (inner) => {
          const lazy = as('dan', () => inner.item.create(item('dan')));
          await inner.$transaction((innermost) => innermost.item.create(item('ann')));
          await lazy;
        });
        await tx.item.create(item('ann'));
      }),
    );
    expect(await database.changes()).toEqual(created('bob', 'ann', 'dan', 'ann'));
  });
});
