import { colophon } from '@colophon/prisma';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from './generated/prisma/client.js';

const adapter = new PrismaPg({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.POOL_SIZE ?? 10),
});

/** The application's Prisma client. Whatever it writes is named after the request that asked for it. */
export const prisma = new PrismaClient({
  adapter,
  // Where many wait for few connections, the default of 2 s isn't enough.
  transactionOptions: { maxWait: 30_000, timeout: 30_000 },
}).$extends(colophon());
