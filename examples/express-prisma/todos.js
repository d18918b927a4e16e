import { mergeContext } from '@colophon/context';
import express from 'express';
import { httpError } from './http-error.js';
import { prisma } from './prisma-client.js';

/** The to-dos of whoever asks. */
export const todos = express.Router();

todos.put('/:id', async (request, response) => {
  const { id } = await ownTodo(request);
  response.json(await prisma.todo.update({ where: { id }, data: { title: request.body.title } }));
});

// Points for what is done: both or neither.
todos.post('/:id/done', async (request, response) => {
  const { id } = await ownTodo(request);
  // Why, as far as the audit trail is concerned.
  mergeContext({ reason: request.body.reason });
  const account = await prisma.$transaction(async (tx) => {
    const rewarded = await tx.account.update({
      where: { id: request.user.id },
      data: { points: { increment: 10 } },
    });
    const { count } = await tx.todo.updateMany({ where: { id, done: false }, data: { done: true } });
    if (count === 0) throw httpError(409, 'it was done already');
    return rewarded;
  });
  response.json({ points: account.points });
});

async function ownTodo(request) {
  const mine = { id: Number(request.params.id), project: { ownerId: request.user.id } };
  const todo = await prisma.todo.findFirst({ where: mine });
  if (todo === null) throw httpError(404, 'no such to-do of yours');
  return todo;
}
