// The whole of Colophon in one go: a PostgreSQL, an application, the consumer, and the audit trail that comes out.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { openStore } from '@colophon/store';
import pg from 'pg';
import colors from 'picocolors';
import { createApp } from './app.js';
import { startPostgres } from './embedded-postgres.js';
import { renderTrail } from './render-trail.js';

const COLOPHON = createRequire(import.meta.url).resolve('colophon/bin/colophon.js');

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
  await colophon(url, ['init', '--tables', 'todo,account', '--yes']);

  say('colophon run   (beside the application)');
  const consumer = spawnColophon(url, ['run', '--environment', 'demo'], ['ignore', 'ignore', 'pipe']);
  const consumerTalk = collect(consumer.stderr);
  const consumerEnded = once(consumer, 'exit');
  closers.push(async () => {
    consumer.kill('SIGTERM');
    await consumerEnded;
  });

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
    if (consumer.exitCode !== null) throw new Error(`colophon run ended early:\n${consumerTalk()}`);
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

/** Waits until the consumer has stored this many changes; half a minute is far more than it needs. */
async function untilStored(store, count, check) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    check();
    const changes = [];
    for await (const change of store.changes({ order: 'oldest' })) changes.push(change);
    if (changes.length >= count) return changes;
    if (Date.now() > deadline)
      throw new Error(`${changes.length} of ${count} changes were stored after 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function sql(url, text) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

async function colophon(url, args) {
  const [code] = await once(spawnColophon(url, args, ['ignore', 'ignore', 'inherit']), 'exit');
  if (code !== 0) throw new Error(`colophon ${args[0]} ended with ${code}`);
}

function spawnColophon(url, args, stdio) {
  return spawn(process.execPath, [COLOPHON, ...args], { stdio, env: { ...process.env, DATABASE_URL: url } });
}

function collect(stream) {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  return () => text;
}

function say(text) {
  console.error(colors.dim(text));
}
