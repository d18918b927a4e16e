import express from 'express';
import { httpError } from './http-error.js';
import { prisma } from './prisma-client.js';

/** The projects of whoever asks. */
export const projects = express.Router();

projects.get('/', async (request, response) => {
  const owned = { ownerId: request.user.id };
  response.json(await prisma.project.findMany({ where: owned, include: { todos: true } }));
});

// A project and its to-dos in one call: a nested write.
projects.post('/', async (request, response) => {
  const { name, todos } = request.body;
  const project = await prisma.project.create({
    data: { name, ownerId: request.user.id, todos: { create: todos.map((title) => ({ title })) } },
    include: { todos: { orderBy: { id: 'asc' } } },
  });
  response.status(201).json(project);
});

projects.post('/:id/todos', async (request, response) => {
  const { id } = await ownProject(request);
  const todo = await prisma.todo.create({ data: { title: request.body.title, projectId: id } });
  response.status(201).json(todo);
});

// Raw SQL.
projects.post('/:id/finish', async (request, response) => {
  const { id } = await ownProject(request);
  const count = await prisma.$executeRaw`UPDATE todo SET done = true WHERE project_id = ${id} AND NOT done`;
  response.json({ count });
});

// PostgreSQL itself deletes the to-dos (ON DELETE CASCADE): they are named too.
projects.delete('/:id', async (request, response) => {
  const { id } = await ownProject(request);
  await prisma.project.delete({ where: { id } });
  response.status(204).end();
});

async function ownProject(request) {
  const mine = { id: Number(request.params.id), ownerId: request.user.id };
  const project = await prisma.project.findFirst({ where: mine });
  if (project === null) throw httpError(404, 'no such project of yours');
  return project;
}
