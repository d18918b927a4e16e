/** Prisma 7 as an application has it: the adapter, and a client generated from the schema beside this file. */
export { PrismaPg } from '@prisma/adapter-pg';
export { Prisma, PrismaClient } from './generated/client.js';
