import { colophon } from '@colophon/prisma';
import type {
  ContractAdapter,
  ContractSession,
  ContractTransaction,
  ContractWrites,
} from '@colophon/testkit';
import pg from 'pg';
import type { Client, PrismaVersion } from '../prisma/prisma-version.js';

type TransactionClient = Pick<Client, 'item' | '$queryRawUnsafe' | '$transaction'>;

/** The contract through a version of Prisma. */
export function prismaAdapter(name: string, version: PrismaVersion, hasSavepoints: boolean): ContractAdapter {
  return {
    name,
    async open(connectionString, max, log) {
      const pool = new pg.Pool({ connectionString, max });
      return sessionOf(version.overPool(pool, log).$extends(colophon()) as unknown as Client, pool);
    },
    async openPlain(connectionString, max, log) {
      const pool = new pg.Pool({ connectionString, max });
      return sessionOf(version.overPool(pool, log), pool);
    },
  };

  function sessionOf(prisma: Client, pool: pg.Pool): ContractSession {
    return {
      ...writesOf(prisma),
      transaction: (work) => prisma.$transaction((inside) => work(transactionOf(inside))),
      async close() {
        await prisma.$disconnect();
        await pool.end();
      },
    };
  }

  function transactionOf(inside: TransactionClient): ContractTransaction {
    if (!hasSavepoints) return writesOf(inside);
    return {
      ...writesOf(inside),
      savepoint: (work) => inside.$transaction((savepoint) => work(writesOf(savepoint))),
    };
  }
}

function writesOf(prisma: TransactionClient): ContractWrites {
  return {
    insert: (data) => prisma.item.create({ data }),
    insertMany: (items) => prisma.item.createMany({ data: [...items] }),
    update: (id, title) => prisma.item.update({ where: { id }, data: { title } }),
    remove: (id) => prisma.item.delete({ where: { id } }),
    read: async (id) => ((await prisma.item.findUnique({ where: { id } })) ?? undefined) as never,
    raw: (sql, values) => prisma.$queryRawUnsafe(sql, ...values),
  };
}
