import { runWithContext } from '@colophon/context';
import { colophon } from '@colophon/prisma';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { count, openPrismaDatabase, type PrismaDatabase } from './prisma-database.js';
import { type Client, versions } from './prisma-version.js';

type Operation = (
  prisma: Pick<Client, 'author' | 'post' | '$executeRaw' | '$queryRaw'>,
  owner: string,
) => PromiseLike<unknown>;

const author = (owner: string, name: string) => ({ name: `${owner} ${name}`, owner });
const post = (owner: string, title = 'first') => ({ title, owner });

/** Every way to write, in an order in which each finds what it needs; with the changes that it makes. Rows say whose they are. */
const OPERATIONS: Record<string, [changes: number, Operation]> = {
  create: [1, (prisma, owner) => prisma.author.create({ data: author(owner, 'a') })],
  createMany: [
    2,
    (prisma, owner) => prisma.author.createMany({ data: [author(owner, 'b'), author(owner, 'c')] }),
  ],
  createManyAndReturn: [
    2,
    (prisma, owner) => prisma.author.createManyAndReturn({ data: [author(owner, 'd'), author(owner, 'e')] }),
  ],
  'nested create': [
    4,
    (prisma, owner) =>
      prisma.author.create({
        data: {
          ...author(owner, 'f'),
          posts: { create: [post(owner), post(owner)], createMany: { data: [post(owner)] } },
        },
        include: { posts: true },
      }),
  ],
  update: [
    1,
    (prisma, owner) => prisma.author.update({ where: { name: `${owner} a` }, data: { name: `${owner} a2` } }),
  ],
  updateMany: [
    2,
    (prisma, owner) =>
      prisma.author.updateMany({ where: { name: { in: [`${owner} b`, `${owner} c`] } }, data: { owner } }),
  ],
  updateManyAndReturn: [
    2,
    (prisma, owner) =>
      prisma.author.updateManyAndReturn({
        where: { name: { in: [`${owner} b`, `${owner} c`] } },
        data: { owner },
      }),
  ],
  'nested update, create, upsert and delete': [
    5,
    (prisma, owner) =>
      prisma.author.update({
        where: { name: `${owner} f` },
        data: {
          owner,
          posts: {
            updateMany: { where: { title: 'first' }, data: { title: 'second' } },
            create: post(owner, 'third'),
          },
        },
      }),
  ],
  'nested delete': [
    1,
    (prisma, owner) =>
      prisma.author.update({
        where: { name: `${owner} f` },
        data: { posts: { deleteMany: { title: 'third' } } },
      }),
  ],
  connectOrCreate: [
    2,
    (prisma, owner) =>
      prisma.post.create({
        data: {
          ...post(owner, 'fourth'),
          author: { connectOrCreate: { where: { name: `${owner} g` }, create: author(owner, 'g') } },
        },
      }),
  ],
  'upsert that creates': [
    1,
    (prisma, owner) =>
      prisma.author.upsert({ where: { name: `${owner} h` }, create: author(owner, 'h'), update: { owner } }),
  ],
  'upsert that updates': [
    1,
    (prisma, owner) =>
      prisma.author.upsert({ where: { name: `${owner} h` }, create: author(owner, 'h'), update: { owner } }),
  ],
  'upsert with a nested write': [
    2,
    (prisma, owner) =>
      prisma.author.upsert({
        where: { name: `${owner} h` },
        create: author(owner, 'h'),
        update: { owner, posts: { create: post(owner) } },
      }),
  ],
  $executeRaw: [
    1,
    (prisma, owner) => prisma.$executeRaw`UPDATE author SET owner = ${owner} WHERE name = ${`${owner} h`}`,
  ],
  '$queryRaw with a data-modifying CTE': [
    2,
    (prisma, owner) =>
      prisma.$queryRaw`WITH gone AS (DELETE FROM author WHERE name = ${`${owner} e`} RETURNING owner)
        INSERT INTO author (name, owner) SELECT owner || ' i', owner FROM gone RETURNING *`,
  ],
  delete: [1, (prisma, owner) => prisma.author.delete({ where: { name: `${owner} i` } })],
  'delete that cascades': [4, (prisma, owner) => prisma.author.delete({ where: { name: `${owner} f` } })],
  deleteMany: [8, (prisma, owner) => prisma.author.deleteMany({ where: { owner } })],
};

const names = Object.keys(OPERATIONS);
const total = Object.values(OPERATIONS).reduce((sum, [changes]) => sum + changes, 0);

describe.each(versions)('every operation, $name', (version) => {
  let database: PrismaDatabase;
  let pool: pg.Pool;
  let prisma: Client;

  beforeAll(async () => {
    database = await openPrismaDatabase();
    pool = new pg.Pool({ connectionString: database.url, max: 2 });
    prisma = version.overPool(pool).$extends(colophon()) as unknown as Client;
  });
  afterAll(async () => {
    await prisma?.$disconnect();
    await pool?.end();
    await database?.drop();
  });

  it.each(names)('%s', async (name) => {
    const [changes, operation] = OPERATIONS[name]!;
    await runWithContext({ user: 'ann' }, () => operation(prisma, 'ann'));
    expect(count(await database.changes())).toEqual({ stored: changes, wrong: 0, missing: 0 });
  });

  it('all in one interactive transaction', async () => {
    await runWithContext({ user: 'bob' }, () =>
      prisma.$transaction(async (tx) => {
        for (const name of names) await OPERATIONS[name]![1](tx, 'bob');
      }),
    );
    expect(count(await database.changes())).toEqual({ stored: total, wrong: 0, missing: 0 });
  });

  it('all by 100 requests at once, on a pool of 2', async () => {
    const users = Array.from({ length: 100 }, (_, n) => `user ${n}`);
    await Promise.all(
      users.map((user, n) =>
        runWithContext({ user }, async () => {
          const all = async (on: Parameters<Operation>[0]) => {
            for (const name of names) await OPERATIONS[name]![1](on, user);
          };
          await prisma.author.findUnique({ where: { name: user } });
          if (n % 3 === 0) await prisma.$transaction(all);
          else if (n % 3 === 1) await all(prisma);
          else await prisma.$transaction(names.map((name) => OPERATIONS[name]![1](prisma, user)) as never[]);
          await Promise.all([
            prisma.$transaction([
              prisma.author.create({ data: author(user, 'x') }),
              prisma.author.findUnique({ where: { name: user } }),
            ]),
            prisma.author.findUnique({ where: { name: user } }),
            prisma.author.create({ data: author(user, 'y') }),
          ]);
        }),
      ),
    );
    expect(count(await database.changes())).toEqual({
      stored: users.length * (total + 2),
      wrong: 0,
      missing: 0,
    });
  });
});
