import { colophon } from '@colophon/prisma';
import { PrismaClient, PrismaPg } from '../../prisma-7/snippet-client.mjs';

export async function open(connectionString, withColophon) {
  const plain = new PrismaClient({ adapter: new PrismaPg({ connectionString, max: 1 }) });
  const prisma = withColophon ? plain.$extends(colophon()) : plain;
  return {
    write: async (id, title) => prisma.todo.update({ where: { id }, data: { title }, select: { id: true } }),
    read: async (id) => prisma.todo.findUnique({ where: { id }, select: { id: true, title: true } }),
    close: () => prisma.$disconnect(),
  };
}
