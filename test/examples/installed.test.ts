import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import {
  colophon,
  DONE_IN_A_DAY,
  EXAMPLES,
  type Example,
  type ExampleName,
  Person,
  runProgram,
  type Sent,
  spendDay,
  startServer,
} from 'colophon-example-support';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type LocalRegistry, startLocalRegistry } from '../local-registry.js';

const run = promisify(execFile);
const SOURCE = path.join(import.meta.dirname, '../../examples');
const USERS = 50;
const ROUNDS = 3;

let registry: LocalRegistry;
beforeAll(async () => {
  registry = await startLocalRegistry();
});
afterAll(() => registry?.close());

describe.each([
  ['express-prisma', 'module'],
  ['nest-typeorm', 'commonjs'],
] satisfies [ExampleName, string][])('%s, installed from packed packages (%s)', (name, type) => {
  const example: Example = EXAMPLES[name];
  let folder: string;
  let databaseUrl: string;
  let sent: Sent[];
  let changes: Change[];

  beforeAll(async () => {
    folder = await install(name);
    databaseUrl = await createDatabase(inject('serverUrl'));
    const setting = ['--slot', new URL(databaseUrl).pathname.slice(1)];
    const command = (...args: string[]) => colophon(folder, databaseUrl, [...args, ...setting]);
    await runProgram(example.tables, { cwd: folder, env: { DATABASE_URL: databaseUrl } });
    await command('init', '--tables', 'account,project,todo', '--yes');
    sent = await use(example, folder, databaseUrl);
    await command('run', '--once');
    changes = await readTrail(databaseUrl);
    await command('drop', '--yes');
  }, 300_000);
  afterAll(async () => {
    if (databaseUrl !== undefined) await dropDatabase(databaseUrl);
    if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true });
  });

  it('has nothing of the workspace', () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
    expect(manifest.type).toBe(type);
    const ours = fs.readdirSync(path.join(folder, 'node_modules/@colophon'));
    expect(ours).toEqual(expect.arrayContaining(['context', 'pg', 'store']));
    for (const each of [...ours.map((own) => `@colophon/${own}`), 'colophon']) {
      const home = path.join(folder, 'node_modules', each);
      expect(fs.realpathSync(home)).toBe(path.join(fs.realpathSync(folder), 'node_modules', each));
      expect(fs.existsSync(path.join(home, 'src'))).toBe(false);
    }
  });

  it(`${USERS} users at once on a pool of 2, ${ROUNDS} rounds: every change has its request's user, route and id, and none is missing`, () => {
    const requests = changes.filter(({ context }) => !('job' in context));
    const stored = new Map<unknown, Sent>();
    for (const { context, change } of requests) {
      const { user, requestId, endpoint } = context as Record<string, string>;
      const key = JSON.stringify({ user, requestId, endpoint });
      const before = stored.get(key)?.changes ?? [];
      stored.set(key, {
        user: user!,
        requestId: requestId!,
        endpoint: endpoint!,
        changes: [...before, change].sort(),
      });
    }
    const order = (list: Iterable<Sent>) =>
      [...list].sort((a, b) => (a.requestId < b.requestId ? -1 : a.requestId > b.requestId ? 1 : 0));
    const wanted = sent.filter(({ changes }) => changes.length > 0);
    expect(wanted.length).toBe(
      USERS * ROUNDS * 7 + wanted.filter(({ endpoint }) => /accounts|sessions/.test(endpoint)).length,
    );
    expect(order(stored.values())).toEqual(order(wanted));
  });

  it('what a change is of, belongs to whoever is named in it', () => {
    const nobodys = changes.filter(({ context, owner }) => !('job' in context) && context.user !== owner);
    expect(nobodys).toEqual([]);
  });

  it("the job's changes are the job's alone", () => {
    const byJob = changes.filter(({ context }) => 'job' in context);
    expect(byJob).toHaveLength(USERS * ROUNDS * DONE_IN_A_DAY);
    for (const { context, change } of byJob) {
      expect(context).toEqual({ job: 'archive-done-todos' });
      expect(change).toBe('UPDATE todo');
    }
  });
});

/** The example as a user has it: copied out of the workspace, its dependencies installed by npm from packed packages, built. */
async function install(name: ExampleName): Promise<string> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `colophon-${name}-`));
  const left = new Set(['node_modules', 'dist', 'generated']);
  const filter = (file: string) => !left.has(path.basename(file));
  fs.cpSync(path.join(SOURCE, name), folder, { recursive: true, filter });
  const file = path.join(folder, 'package.json');
  const manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
  // What runs the example inside the workspace stays there.
  delete manifest.devDependencies['colophon-example-support'];
  for (const [dependency, version] of Object.entries(manifest.dependencies))
    if (version === 'workspace:*') manifest.dependencies[dependency] = '^0.1.0';
  fs.writeFileSync(file, JSON.stringify(manifest));
  await registry.install(folder);
  // Prisma's engine isn't needed to generate a client, nor fetched.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/false', CHECKPOINT_DISABLE: '1' };
  await run('npm', ['run', 'build'], { cwd: folder, env });
  return folder;
}

/** Everybody joins and spends some days, all at once; then the job has its turn. Gives what was sent. */
async function use(example: Example, folder: string, databaseUrl: string): Promise<Sent[]> {
  const server = await startServer(example, { folder, databaseUrl, poolSize: 2, archiveEveryMs: 200 });
  const people = Array.from({ length: USERS }, (_, n) => new Person(server.base, `user${n}`));
  try {
    await Promise.all(people.map((person) => example.join(person)));
    for (let round = 0; round < ROUNDS; round++) await Promise.all(people.map(spendDay));
    if (example.job) {
      await runProgram(example.job, { cwd: folder, env: { DATABASE_URL: databaseUrl } });
    } else {
      await untilArchived(databaseUrl);
    }
  } finally {
    await server.stop();
  }
  return people.flatMap(({ sent }) => sent);
}

/** Until the server's job has had its turn after the last request. */
async function untilArchived(databaseUrl: string): Promise<void> {
  await query(databaseUrl, async (client) => {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const { rows } = await client.query('SELECT 1 FROM todo WHERE done AND archived_at IS NULL LIMIT 1');
      if (rows.length === 0) return;
      if (Date.now() > deadline) throw new Error('the job archived nothing for 30 s');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
}

interface Change {
  context: Record<string, unknown>;
  /** `UPDATE todo` and so on. */
  change: string;
  /** The name of the account to which the row belongs, by its keys. */
  owner: string;
}

/** The audit trail, each change with whose row it is by what the trail itself says of accounts and projects. */
async function readTrail(databaseUrl: string): Promise<Change[]> {
  return query(databaseUrl, async (client) => {
    const { rows } = await client.query<Change>(`
      WITH row AS (
        SELECT seq, "table", operation, context, CASE operation WHEN 'DELETE' THEN before ELSE after END AS row
        FROM colophon.changes
      ), account AS (
        SELECT row->>'id' AS id, row->>'name' AS name FROM row WHERE "table" = 'account' AND operation = 'CREATE'
      ), project AS (
        SELECT row->>'id' AS id, row->>'owner_id' AS owner FROM row WHERE "table" = 'project' AND operation = 'CREATE'
      )
      SELECT context, operation || ' ' || "table" AS change, account.name AS owner
      FROM row
      LEFT JOIN project ON "table" = 'todo' AND project.id = row->>'project_id'
      LEFT JOIN account ON account.id =
        CASE "table" WHEN 'account' THEN row->>'id' WHEN 'project' THEN row->>'owner_id' ELSE project.owner END
      ORDER BY seq`);
    return rows;
  });
}

async function query<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
