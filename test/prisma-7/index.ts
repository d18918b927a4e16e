/** Prisma 7 as an application has it: the adapter, another one, and clients generated from the schemas beside this file, one of them for MySQL. */
export { PrismaNeon } from '@prisma/adapter-neon';
export { PrismaPg } from '@prisma/adapter-pg';
export { Prisma, PrismaClient } from './generated/client.js';
export { PrismaClient as MysqlPrismaClient } from './generated-mysql/client.js';
