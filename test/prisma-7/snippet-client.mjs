// The client that needs no compiler, and its adapter.
export { PrismaPg } from '@prisma/adapter-pg';
export { PrismaClient } from './snippet/generated/prisma/client.js';
