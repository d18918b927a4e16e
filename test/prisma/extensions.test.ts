import { runWithContext } from '@colophon/context';
import { colophon } from '@colophon/prisma';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Prisma } from '../prisma-7/index.js';
import { openPrismaDatabase, type PrismaDatabase } from './prisma-database.js';
import { type Client, versions } from './prisma-version.js';

/** One of each kind. Those of Prisma 7 are as good for 6: an extension is a plain object, and `getExtensionContext` gives back what it is given. */
function withOthers(prisma: Client, seen: string[]) {
  return prisma
    .$extends({
      result: { item: { label: { needs: { title: true }, compute: ({ title }) => `<${title}>` } } },
    })
    .$extends({
      model: {
        item: {
          async add(id: number, owner: string) {
            const item = Prisma.getExtensionContext(this) as unknown as Client['item'];
            return item.create({ data: { id, owner, title: 'added' } });
          },
        },
      },
    })
    .$extends({
      query: {
        $allModels: {
          async create({ args, query, operation }) {
            seen.push(operation);
            return query(args);
          },
          updateMany: ({ args, query }) => runWithContext({ user: 'extension' }, () => query(args)),
        },
      },
    })
    .$extends({
      client: {
        async addTwo(id: number, owner: string) {
          const client = Prisma.getExtensionContext(this) as unknown as Client;
          await client.$transaction([
            client.item.create({ data: { id, owner } }),
            client.item.create({ data: { id: id + 1, owner } }),
          ]);
        },
      },
    });
}

describe.each(versions)('beside other extensions, $name', (version) => {
  let database: PrismaDatabase;
  let pool: pg.Pool;
  let id = 0;

  beforeAll(async () => {
    database = await openPrismaDatabase();
    pool = new pg.Pool({ connectionString: database.url, max: 2 });
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  type Extended = ReturnType<typeof withOthers>;
  const orders: [string, (prisma: Client, seen: string[]) => Extended][] = [
    ['before them', (prisma, seen) => withOthers(prisma.$extends(colophon()) as unknown as Client, seen)],
    ['after them', (prisma, seen) => withOthers(prisma, seen).$extends(colophon())],
    [
      'before and after',
      (prisma, seen) =>
        withOthers(prisma.$extends(colophon()) as unknown as Client, seen).$extends(colophon()),
    ],
    [
      'on the client they were made from',
      (prisma, seen) => {
        const extended = withOthers(prisma, seen);
        prisma.$extends(colophon());
        return extended;
      },
    ],
  ];

  it.each(orders)('%s', async (_order, extend) => {
    const seen: string[] = [];
    const prisma = extend(version.overPool(pool), seen);
    const as = <T>(user: string, work: () => T): T => runWithContext({ user }, work);
    const first = ++id;
    const added = await as('ann', () => prisma.item.add(first, 'ann'));
    expect((added as unknown as { label: string }).label).toBe('<added>');
    const call = as('ann', () => prisma.item.create({ data: { id: ++id, owner: 'ann' } }));
    expect((await as('bob', async () => await call)).label).toBe('<null>');
    await as('bob', () => prisma.addTwo((id += 2) - 1, 'bob'));
    await as('ann', () =>
      prisma.$transaction(async (tx) => {
        const lazy = as('bob', () => tx.item.create({ data: { id: ++id, owner: 'bob' } }));
        await tx.item.add(++id, 'ann');
        expect((await lazy).label).toBe('<null>');
      }),
    );
    // The extension's own choice, though its query is lazy too.
    await as('ann', () => prisma.item.updateMany({ where: { id: first }, data: { owner: 'extension' } }));
    expect(seen).toEqual(Array(6).fill('create'));
    expect(await database.changes()).toEqual([
      ...['ann', 'ann', 'bob', 'bob', 'ann', 'bob'].map((owner) => ['CREATE', 'item', owner, owner]),
      ['UPDATE', 'item', 'extension', 'extension'],
    ]);
    await prisma.$disconnect();
  });
});
