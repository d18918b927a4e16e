import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type LocalRegistry, startLocalRegistry } from '../local-registry.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const run = promisify(execFile);
const docs = fs.readFileSync(path.join(import.meta.dirname, '../../docs/cls-hooked.md'), 'utf8');
const versionOf = (name: string) => {
  const manifest = path.join(import.meta.dirname, '../node_modules', name, 'package.json');
  return JSON.parse(fs.readFileSync(manifest, 'utf8')).version as string;
};

const USERS = 50;
let registry: LocalRegistry;
let application: string;
let database: TrackedDatabase;

/** An application outside the workspace, with the `overrides` of docs/cls-hooked.md as they stand there. */
beforeAll(async () => {
  application = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-drop-in-'));
  const { overrides } = JSON.parse(/```json\n(\{ "overrides".*?)```/s.exec(docs)![1]!);
  const manifest = {
    name: 'application',
    private: true,
    dependencies: {
      '@colophon/context': '^0.1.0',
      '@colophon/pg': '^0.1.0',
      '@colophon/typeorm': '^0.1.0',
      pg: versionOf('pg'),
      'reflect-metadata': versionOf('reflect-metadata'),
      sequelize: versionOf('sequelize'),
      typeorm: versionOf('typeorm-0.3'),
      'typeorm-transactional': versionOf('typeorm-transactional'),
    },
    overrides,
  };
  fs.writeFileSync(path.join(application, 'package.json'), JSON.stringify(manifest));
  for (const file of ['typeorm-transactional.cjs', 'sequelize.cjs'])
    fs.copyFileSync(path.join(import.meta.dirname, file), path.join(application, file));
  registry = await startLocalRegistry();
  await registry.install(application);
  database = await trackDatabase(
    inject('serverUrl'),
    'CREATE TABLE item (id serial PRIMARY KEY, owner text NOT NULL, title text)',
    { tables: 'item' },
  );
}, 300_000);
afterAll(async () => {
  await database?.drop();
  await registry?.close();
  fs.rmSync(application, { recursive: true, force: true });
});

const node = async (...args: string[]) => {
  const { stdout } = await run(process.execPath, args, {
    cwd: application,
    env: { ...process.env, DATABASE_URL: database.url, USERS: String(USERS) },
  });
  return JSON.parse(stdout);
};

it('npm has put @colophon/cls-hooked in the place of cls-hooked, and no second copy', async () => {
  const lock = JSON.parse(fs.readFileSync(path.join(application, 'package-lock.json'), 'utf8'));
  const places = Object.keys(lock.packages).filter((place) => place.endsWith('node_modules/cls-hooked'));
  expect(places).toEqual(['node_modules/cls-hooked']);
  expect(lock.packages[places[0]!].name).toBe('@colophon/cls-hooked');
  const asked = `const from = require('node:module').createRequire(require.resolve('typeorm-transactional'));
    console.log(JSON.stringify(from('cls-hooked') === require('@colophon/context/cls')))`;
  expect(await node('-e', asked)).toBe(true);
});

interface Row {
  operation: string;
  owner: string;
  title: string;
  context: Record<string, unknown>;
  transaction_id: string;
}

/** What the audit trail has of the program's run. */
async function trailOf(program: string, carrier: string): Promise<Row[]> {
  const { rows: now } = await database.client.query('SELECT pg_current_wal_insert_lsn() AS lsn');
  expect(await node(program, carrier)).toEqual({ users: USERS });
  await database.once();
  const { rows } = await database.client.query<Row>(
    `SELECT operation, after->>'owner' AS owner, after->>'title' AS title, context, transaction_id
     FROM colophon.changes WHERE commit_lsn >= $1 ORDER BY seq`,
    [now[0].lsn],
  );
  return rows;
}

describe.each(['asyncLocalStorage', 'cls'])(
  'the context in %s, 50 users at once on a pool of 2',
  (carrier) => {
    it.each(['typeorm-transactional.cjs', 'sequelize.cjs'])('%s', async (program) => {
      const rows = await trailOf(program, carrier);
      const wrong = rows.filter(({ owner, context }) => context.user !== owner);
      expect(wrong).toEqual([]);
      // Every third user's transaction is rolled back as a whole; what comes after it is written by itself.
      const users = Array.from({ length: USERS }, (_, n) => ({ owner: `u${n}`, isKept: n % 3 !== 0 }));
      for (const { owner, isKept } of users) {
        const theirs = rows.filter((row) => row.owner === owner);
        expect(theirs.map(({ operation, title }) => `${operation} ${title}`)).toEqual(
          isKept
            ? ['INSERT first', 'UPDATE changed', 'INSERT second', 'INSERT after'].map((text) =>
                text.replace('INSERT', 'CREATE'),
              )
            : ['CREATE after'],
        );
        // In one transaction: so the library found it again, through the namespace.
        const inTransaction = theirs.filter(({ title }) => title !== 'after');
        expect(new Set(inTransaction.map((row) => row.transaction_id)).size).toBe(isKept ? 1 : 0);
      }
    });
  },
);
