import { mergeContext, runWithContext } from '@colophon/context';
import { colophon } from '@colophon/prisma';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPrismaDatabase, type PrismaDatabase } from './prisma-database.js';
import { type Client, versions } from './prisma-version.js';

/** Prisma's promises do nothing until they are waited for. A call belongs to the context in which it was called, wherever that happens. */
describe.each(versions)('the context of a call, $name', (version) => {
  let database: PrismaDatabase;
  let pool: pg.Pool;
  let prisma: Client;
  const log: string[] = [];
  let id = 0;

  const as = <T>(user: string, work: () => T): T => runWithContext({ user }, work);
  const item = (owner: string) => ({ data: { id: ++id, owner } });

  beforeAll(async () => {
    database = await openPrismaDatabase();
    pool = new pg.Pool({ connectionString: database.url, max: 2 });
    prisma = version.overPool(pool, (line) => log.push(line)).$extends(colophon()) as unknown as Client;
  });
  afterAll(async () => {
    await prisma?.$disconnect();
    await pool?.end();
    await database?.drop();
  });
  beforeEach(() => {
    log.length = 0;
  });

  async function expectOwners(...owners: string[]): Promise<void> {
    const changes = await database.changes();
    expect(changes.map(([, , owner, user]) => [owner, user])).toEqual(owners.map((owner) => [owner, owner]));
  }

  it('is its own when it is waited for outside, or in the run of another', async () => {
    const made = as('ann', () => [
      prisma.item.create(item('ann')),
      prisma.$executeRaw`INSERT INTO item (id, owner) VALUES (${++id}, 'ann')`,
      prisma.$executeRawUnsafe('INSERT INTO item (id, owner) VALUES ($1, $2)', ++id, 'ann'),
      prisma.$queryRaw`INSERT INTO item (id, owner) VALUES (${++id}, 'ann') RETURNING id`,
      prisma.$queryRawUnsafe('INSERT INTO item (id, owner) VALUES ($1, $2) RETURNING id', ++id, 'ann'),
      prisma.author.create({ data: { name: `ann ${id}`, owner: 'ann' } }).posts(),
    ]);
    expect(log).toEqual([]);
    for (const [i, call] of made.entries()) await (i % 2 === 0 ? call : as('bob', async () => await call));
    await expectOwners('ann', 'ann', 'ann', 'ann', 'ann', 'ann');
  });

  it('is its own by then, catch and finally', async () => {
    const [then, caught, last] = as('ann', () => [1, 2, 3].map(() => prisma.item.create(item('ann'))));
    await as('bob', () => new Promise((resolve) => then!.then(resolve)));
    await as('bob', () => caught!.catch(() => undefined));
    await as('bob', () => last!.finally(() => undefined));
    await expectOwners('ann', 'ann', 'ann');
  });

  it('is none where it was called in none', async () => {
    const call = prisma.item.create(item('nobody'));
    await as('bob', async () => await call);
    expect(await database.changes()).toEqual([['CREATE', 'item', 'nobody', {}]]);
  });

  it('has nothing of what is merged after the call, and what is merged before it', async () => {
    await as('ann', async () => {
      const before = prisma.item.create(item('ann'));
      mergeContext({ user: 'ann later' });
      const after = prisma.item.create(item('ann later'));
      await before;
      await after;
    });
    await expectOwners('ann', 'ann later');
  });

  it('is that of each element of $transaction([…]), in one transaction, in the order given', async () => {
    const elements = ['ann', 'bob', 'ann', 'cid'].map((user) =>
      as(user, () => prisma.item.create(item(user))),
    );
    const raw = as('dan', () => prisma.$executeRaw`INSERT INTO item (id, owner) VALUES (${++id}, 'dan')`);
    const results = await as('bob', () => prisma.$transaction([...elements, raw]));
    expect(results).toHaveLength(5);
    await expectOwners('ann', 'bob', 'ann', 'cid', 'dan');
    const { rows } = await database.client.query(
      'SELECT count(DISTINCT xmin::text)::int AS n FROM item WHERE id > $1',
      [id - 5],
    );
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('is that of each call in an interactive transaction, wherever it is waited for', async () => {
    await as('ann', () =>
      prisma.$transaction(async (tx) => {
        const made = as('bob', () => [
          tx.item.create(item('bob')),
          tx.$executeRaw`INSERT INTO item (id, owner) VALUES (${++id}, 'bob')`,
        ]);
        await tx.item.create(item('ann'));
        for (const call of made) await call;
        await Promise.all(['cid', 'dan', 'eve'].map((user) => as(user, () => tx.item.create(item(user)))));
      }),
    );
    const changes = await database.changes();
    expect(changes.map(([, , owner]) => owner).sort()).toEqual(['ann', 'bob', 'bob', 'cid', 'dan', 'eve']);
    expect(changes.filter(([, , owner, user]) => owner !== user)).toEqual([]);
  });

  it("is not that of whoever came first in the tick in which Prisma gathers everybody's queries", async () => {
    const id1 = ++id;
    await as('ann', () => prisma.item.create({ data: { id: id1, owner: 'ann' } }));
    await Promise.all([
      as('ann', () => prisma.item.findUnique({ where: { id: id1 } }).then()),
      as('bob', () => prisma.$transaction([prisma.item.create(item('bob'))])),
      as('cid', () =>
        prisma.$transaction([prisma.item.create(item('cid')), prisma.item.create(item('cid'))]),
      ),
      prisma.$transaction([prisma.item.create(item('nobody')), prisma.item.create(item('nobody'))]),
    ]);
    const changes = await database.changes();
    const names = changes.map(([, , owner, user]) => [owner, typeof user === 'string' ? user : 'nobody']);
    expect(names).toHaveLength(6);
    expect(names.filter(([owner, user]) => owner !== user)).toEqual([]);
  });

  it('does not part the unique reads of one tick: one query for all of them', async () => {
    const ids = [++id, ++id, ++id];
    await as('ann', () => prisma.item.createMany({ data: ids.map((id) => ({ id, owner: 'ann' })) }));
    log.length = 0;
    const read = (id: number) => prisma.item.findUnique({ where: { id } });
    const found = await Promise.all(ids.map((id, i) => as(`user ${i}`, () => read(id).then())));
    expect(found.map((row) => row?.id)).toEqual(ids);
    expect(log).toHaveLength(1);
    await Promise.all(ids.map((id) => as('ann', () => read(id).then())));
    expect(log).toHaveLength(2);
    await expectOwners('ann', 'ann', 'ann');
  });
});
