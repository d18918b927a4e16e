import { mergeContext } from '@colophon/context';
import { colophon, requestContext } from '@colophon/express';
import express from 'express';
import { authenticate, makeToken } from './authenticate.js';
import { prisma } from './prisma-client.js';
import { projects } from './projects.js';
import { todos } from './todos.js';

/** The application. Of Colophon it knows the line with `colophon(…)`, and each `mergeContext` where it has more to say. */
export const app = express();

// Who the user is becomes known later, in `authenticate`: so it is asked at each write.
app.use(colophon(requestContext({ ip: false, user: (request) => request.user?.name })));
app.use(express.json());

app.post('/accounts', async (request, response) => {
  const { name } = request.body;
  const { token, hash } = makeToken();
  // Nobody is signed in yet.
  mergeContext({ user: name });
  const account = await prisma.account.create({ data: { name, tokens: { create: { hash } } } });
  response.status(201).json({ ...account, token });
});

app.use(authenticate);
app.use('/projects', projects);
app.use('/todos', todos);

app.use((error, _request, response, _next) => {
  if (error.status === undefined) console.error(error);
  response.status(error.status ?? 500).json({ error: error.status ? error.message : 'failed' });
});
