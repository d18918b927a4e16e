// The whole of Colophon in one go: a PostgreSQL, an application, the consumer, and the audit trail that comes out.
import { once } from 'node:events';
import { openStore } from '@colophon/store';
import { colophon, say, sql, startColophon, startPostgres, untilStored } from 'colophon-example-support';
import colors from 'picocolors';
import { createApp } from './app.js';
import { renderTrail } from './render-trail.js';

const FOLDER = import.meta.dirname;

const SCHEMA = `
  CREATE TABLE todo (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL, owner text NOT NULL, done boolean NOT NULL DEFAULT false);
  CREATE TABLE account (name text PRIMARY KEY, points int NOT NULL DEFAULT 0);
  INSERT INTO account (name) VALUES ('ada'), ('grace'), ('linus');
`;
/** Rows that the requests below change: 6 created, 6 renamed, 3 done and 3 accounts, 1 deleted, 1 by hand. */
const EXPECTED_CHANGES = 20;

const closers = [];
try {
  await main();
} finally {
  for (const close of closers.reverse()) await close();
}

async function main() {
  say('Starting an embedded PostgreSQL …');
  const server = await startPostgres();
  closers.push(() => server.stop());
  const url = server.url();
  await sql(url, SCHEMA);

  say('colophon init --tables todo,account');
  await colophon(FOLDER, url, ['init', '--tables', 'todo,account', '--yes']);

  say('colophon run   (beside the application)');
  const consumer = startColophon(FOLDER, url, ['run', '--environment', 'demo']);
  closers.push(() => consumer.stop());

  const { app, close } = createApp(url);
  closers.push(close);
  const http = app.listen(0, '127.0.0.1');
  await once(http, 'listening');
  closers.push(() => new Promise((resolve) => http.close(resolve)));
  const base = `http://127.0.0.1:${http.address().port}`;

  say('Three users send requests at once, through a pool of 2 connections …');
  await Promise.all(['ada', 'grace', 'linus'].map((user) => useTheApplication(base, user)));
  await request(base, 'linus', 'DELETE', '/todos/1');
  await sql(url, `UPDATE account SET points = 1000 WHERE name = 'linus'`);
  say('… and someone gives linus 1,000 points by hand, in psql.');

  const store = await openStore(url);
  closers.push(() => store.close());
  const changes = await untilStored(store, EXPECTED_CHANGES, () => {
    if (consumer.hasEnded()) throw new Error(`colophon run ended early:\n${consumer.talk()}`);
  });
  console.log(`\n${renderTrail(changes)}`);
  console.log(
    `${colors.bold(changes.length)} row changes, each with who made it and from where; the one made by hand says so. ` +
      `Same data in SQL: ${colors.cyan('SELECT * FROM colophon.changes')}.`,
  );
}

async function useTheApplication(base, user) {
  const titles = [`buy milk for ${user}`, `call ${user}'s mother`];
  const todos = await Promise.all(titles.map((title) => request(base, user, 'POST', '/todos', { title })));
  await Promise.all(
    todos.map(({ id, title }) => request(base, user, 'PUT', `/todos/${id}`, { title: `${title}!` })),
  );
  await request(base, user, 'POST', `/todos/${todos[0].id}/done`, { reason: `${user} went shopping` });
}

async function request(base, user, method, path, body) {
  const headers = { 'content-type': 'application/json', 'x-user': user };
  const response = await fetch(base + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!response.ok)
    throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}
