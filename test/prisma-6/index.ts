/** Prisma 6 as an application has it: the adapter, and clients generated from the schemas beside this file, one of them on the Rust engine. */
export { PrismaPg } from '@prisma/adapter-pg';
export { Prisma, PrismaClient } from './generated/index.js';
export { PrismaClient as RustPrismaClient } from './generated-rust/index.js';
