import { colophon } from '@colophon/prisma';
import { expectTypeOf, it } from 'vitest';
import * as six from '../prisma-6/index.js';
import { PrismaClient, PrismaPg } from '../prisma-7/index.js';

const connectionString = 'postgres://nobody@127.0.0.1:1/none';
const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString }),
  omit: { author: { owner: true } },
});
const extended = prisma.$extends(colophon());
/** What Prisma itself makes of a client by an extension that adds nothing. */
const untouched = prisma.$extends({});

const prisma6 = new six.PrismaClient({ adapter: new six.PrismaPg({ connectionString }) });
const extended6 = prisma6.$extends(colophon());
const untouched6 = prisma6.$extends({});

// The compiler checks all of this; nothing is called.
it('the types of the client stay exact', () => {
  expectTypeOf(extended).toEqualTypeOf<typeof untouched>();
  expectTypeOf(extended6).toEqualTypeOf<typeof untouched6>();
  expectTypeOf(extended).not.toBeAny();
  expectTypeOf(extended.author.create).toEqualTypeOf<typeof untouched.author.create>();
  expectTypeOf(extended.$queryRaw).toEqualTypeOf<typeof prisma.$queryRaw>();
  // @ts-expect-error a name is no number: so the types are there, and not any
  () => extended.author.create({ data: { name: 1, owner: 'ann' } });
});

it('and the types of what it gives', () => {
  const results = async (on: typeof prisma, ours: typeof extended, ours6: typeof extended6) => {
    const where = { id: 1 };
    const selected = await ours.author.findUniqueOrThrow({
      where,
      select: { name: true, posts: { select: { title: true } } },
    });
    expectTypeOf(selected).toEqualTypeOf<{ name: string; posts: { title: string }[] }>();
    const included = await ours.author.findMany({ include: { posts: true } });
    const plain = await on.author.findMany({ include: { posts: true } });
    expectTypeOf(included).toEqualTypeOf<typeof plain>();
    // `owner` is left out by the client's own options.
    expectTypeOf(await ours.author.create({ data: { name: 'a', owner: 'b' } })).toEqualTypeOf<{
      id: number;
      name: string;
    }>();
    expectTypeOf(await ours.$transaction([ours.item.count(), ours.$executeRaw`SELECT 1`])).toEqualTypeOf<
      [number, number]
    >();
    expectTypeOf(await ours.$transaction(async (tx) => tx.author.count())).toEqualTypeOf<number>();
    expectTypeOf(await ours6.author.findFirst({ select: { name: true } })).toEqualTypeOf<{
      name: string;
    } | null>();
  };
  expectTypeOf(results).toBeFunction();
});
