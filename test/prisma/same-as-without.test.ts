import { inspect } from 'node:util';
import { runWithContext } from '@colophon/context';
import { colophon } from '@colophon/prisma';
import { startProxy } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPrismaDatabase, type PrismaDatabase } from './prisma-database.js';
import { type Client, versions } from './prisma-version.js';

type Step = (prisma: Client) => PromiseLike<unknown>;

const as = <T>(user: string, work: () => T): T => runWithContext({ user }, work);
const item = (id: number) => ({ data: { id, owner: 'ann' } });
const author = (name: string) => ({
  name,
  owner: 'ann',
  posts: { create: [{ title: 'first', owner: 'ann' }] },
});

/** What the contract's script doesn't ask: Prisma's own shapes, and what several contexts in one batch make of them. */
const STEPS: Record<string, Step> = {
  'nested write': (prisma) => prisma.author.create({ data: author('ann'), include: { posts: true } }),
  'nested write that fails': (prisma) =>
    prisma.author.create({ data: author('ann'), select: { posts: true } }),
  'fluent call': (prisma) => prisma.author.update({ where: { id: 1 }, data: { owner: 'bob' } }).posts(),
  'upsert by two statements': (prisma) =>
    prisma.author.upsert({
      where: { name: 'bob' },
      create: author('bob'),
      update: author('bob'),
      include: { posts: true },
    }),
  'invalid arguments': (prisma) => prisma.author.create({ data: { nmae: 'x' } as never }),
  'missing record': (prisma) => prisma.author.findUniqueOrThrow({ where: { id: 99 } }),
  aggregates: (prisma) =>
    Promise.all([
      prisma.post.groupBy({ by: ['title'], _count: true, orderBy: { title: 'asc' } }),
      prisma.author.aggregate({ _max: { id: true }, _count: true }),
      prisma.author.count({ select: { _all: true } }),
    ]),
  'raw by tag': (prisma) =>
    prisma.$queryRaw`SELECT ${1}::int AS a, ${'x'}::text AS b, now() > '2000-01-01' AS c`,
  'raw that fails': (prisma) => prisma.$executeRaw`UPDATE nowhere SET a = ${1}`,
  'raw that is no tag': (prisma) => prisma.$queryRaw('SELECT 1' as never),
  'array of one user': (prisma) =>
    as('ann', () => prisma.$transaction([prisma.item.create(item(1)), prisma.item.findMany()])),
  'array of several users': (prisma) =>
    prisma.$transaction([
      as('ann', () => prisma.item.create(item(2))),
      as('bob', () => prisma.item.findMany({ orderBy: { id: 'asc' } })),
      as('cid', () => prisma.$queryRaw`INSERT INTO item (id) VALUES (3) RETURNING *`),
      as('bob', () =>
        prisma.author.update({
          where: { id: 1 },
          data: { posts: { create: { title: 'array', owner: 'bob' } } },
          include: { posts: true },
        }),
      ),
    ]),
  'array of several users that fails in the database': (prisma) =>
    prisma.$transaction([
      as('ann', () => prisma.item.create(item(4))),
      as('bob', () => prisma.item.create(item(1))),
      as('cid', () => prisma.item.create(item(5))),
    ]),
  'array of several users, one of them wrong before it is sent': (prisma) =>
    prisma.$transaction([
      as('ann', () => prisma.item.create(item(6))),
      as('bob', () => prisma.item.create({ data: { id: 'x' } as never })),
    ]),
  'array of several users that finds nothing to update': (prisma) =>
    prisma.$transaction([
      as('ann', () => prisma.item.create(item(7))),
      as('bob', () => prisma.item.update({ where: { id: 99 }, data: {} })),
    ]),
  'array with what is no promise of Prisma': (prisma) => prisma.$transaction([Promise.resolve(1) as never]),
  'unique reads of several users, some of nothing': (prisma) =>
    Promise.all(
      [1, 2, 99].map((id) => as(`user ${id}`, () => prisma.item.findUnique({ where: { id } }).then())),
    ),
  'unique reads of several users that must not be of nothing': (prisma) =>
    Promise.allSettled(
      [1, 99].map((id) => as(`user ${id}`, () => prisma.item.findUniqueOrThrow({ where: { id } }).then())),
    ),
  'transaction with calls of several users at once': (prisma) =>
    as('ann', () =>
      prisma.$transaction((tx) =>
        Promise.allSettled([
          tx.item.create(item(8)).then(),
          as('bob', () => tx.item.findMany({ orderBy: { id: 'asc' } }).then()),
          as('cid', () => tx.item.update({ where: { id: 8 }, data: { title: 'c' } }).then()),
        ]),
      ),
    ),
  'transaction with unique reads of several users at once': (prisma) =>
    prisma.$transaction((tx) =>
      Promise.all([1, 2].map((id) => as(`user ${id}`, () => tx.item.findUnique({ where: { id } }).then()))),
    ),
  'transaction that takes too long': (prisma) =>
    prisma.$transaction(async (tx) => await tx.$queryRaw`SELECT pg_sleep(0.3)::text`, { timeout: 100 }),
  'a promise, looked at and not waited for': async (prisma) => {
    const call = prisma.item.create(item(9));
    return [Object.keys(call), String(call), Object.prototype.toString.call(call), typeof call.then];
  },
  'a promise waited for twice': async (prisma) => {
    const call = prisma.item.create(item(10));
    return [await call, await call];
  },
  'the client, looked at': async (prisma) => [
    Reflect.ownKeys(prisma).map(String).sort(),
    Object.keys(prisma).sort(),
    inspect(prisma.item, { sorted: true }),
  ],
  'the client of a transaction, looked at': (prisma) =>
    prisma.$transaction(async (tx) => [
      Reflect.ownKeys(tx).map(String).sort(),
      Object.keys(tx).sort(),
      '$connect' in tx,
      Object.keys(tx.item),
    ]),
  'all that is there': (prisma) =>
    Promise.all([prisma.item.findMany(), prisma.author.findMany({ include: { posts: true } })]),
};

describe.each(versions)('everything is as without Colophon, $name', (version) => {
  const databases: PrismaDatabase[] = [];

  beforeAll(async () => {
    databases.push(await openPrismaDatabase(), await openPrismaDatabase());
  });
  afterAll(() => Promise.all(databases.map((database) => database.drop())));

  /** All that can be seen of each step: result or error, the query log, turns on the wire. */
  async function observe(
    database: PrismaDatabase,
    extend: (prisma: Client) => Client,
  ): Promise<Record<string, unknown>> {
    const { hostname, port } = new URL(database.url);
    const proxy = await startProxy({ host: hostname, port: Number(port) });
    const pool = new pg.Pool({ connectionString: proxy.url(database.url), max: 2 });
    const log: string[] = [];
    const prisma = extend(version.overPool(pool, (line) => log.push(line)));
    const seen: Record<string, unknown> = {};
    try {
      for (const [name, step] of Object.entries(STEPS)) {
        const before = [proxy.turns(), proxy.connections()] as const;
        log.length = 0;
        const outcome = await (async () => await step(prisma))().then(
          (value) => ({ value }),
          (error) => ({ error, message: error.message }),
        );
        seen[name] = {
          outcome: inspect(outcome, { depth: 9, sorted: true })
            .replaceAll(/\n +at .*/g, '')
            // How long a transaction took is another each time.
            .replaceAll(/\d+( ms passed)|(timeTaken: )\d+/g, '$1$2'),
          log: [...log].sort(),
          turns: proxy.turns() - before[0],
          connections: proxy.connections() - before[1],
        };
      }
    } finally {
      await prisma.$disconnect();
      await pool.end();
      await proxy.close();
    }
    return seen;
  }

  it('the same script gives the same', async () => {
    const plain = await observe(databases[0]!, (prisma) => prisma);
    const ours = await observe(databases[1]!, (prisma) => prisma.$extends(colophon()) as unknown as Client);
    for (const name of Object.keys(STEPS)) expect(ours[name], name).toEqual(plain[name]);
    expect(JSON.stringify(plain)).toContain('P2002');
  });
});
