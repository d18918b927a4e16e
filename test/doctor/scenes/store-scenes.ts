import fs from 'node:fs';
import path from 'node:path';
import { runWithContext } from '@colophon/context';
import { createDatabase } from '@colophon/testkit';
import { expect } from 'vitest';
import { instrumentedPool } from '../../instrumented-pool.js';
import { as, sql } from '../../roles/role-server.js';
import type { Scenario, Scene } from '../scene.js';

const SQL_FOLDER = path.join(import.meta.dirname, '../../../packages/store/sql');

async function initialise(scene: Scene): Promise<void> {
  await scene.sql('CREATE TABLE todo (id int PRIMARY KEY)', 'CREATE TABLE other (id int PRIMARY KEY)');
  await scene.run(['init', '--tables', 'todo,other']);
}

/** Writes as the application does that has Colophon, and stores it. */
async function writeNamed(scene: Scene, ...statements: string[]): Promise<void> {
  const pool = instrumentedPool({ connectionString: scene.adminUrl });
  await runWithContext({ user: 42 }, async () => {
    for (const statement of statements) await pool.query(statement);
  });
  await pool.end();
  await scene.run(['run', '--once']);
}

/** A store as it was one version ago, in another database. */
async function oldStore(scene: Scene): Promise<string> {
  const url = await createDatabase(scene.server.url());
  const files = fs.readdirSync(SQL_FOLDER).sort().slice(0, -1);
  await sql(
    url,
    'CREATE SCHEMA colophon',
    'CREATE TABLE colophon.migrations (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    `SET search_path = pg_catalog`,
    ...files.map((file) => fs.readFileSync(path.join(SQL_FOLDER, file), 'utf8')),
    `INSERT INTO colophon.migrations (version) SELECT generate_series(1, ${files.length})`,
  );
  return url;
}

/** What is wrong with the store, and with what arrives there. */
export const STORE_SCENES: readonly Scenario[] = [
  {
    name: 'a store of an older version',
    provokes: ['store.outdated'],
    async provoke(scene) {
      await initialise(scene);
      scene.env.COLOPHON_STORE_URL = await oldStore(scene);
    },
  },
  {
    name: 'a store of a newer version',
    provokes: ['store.newer'],
    async provoke(scene) {
      await initialise(scene);
      await scene.sql('INSERT INTO colophon.migrations (version) VALUES (9999)');
    },
    byHand: {
      // A Colophon that knows it can't be had here: as if there were one.
      async 'store.newer'(scene, { remedy }) {
        expect(remedy).toMatch(/update Colophon/);
        await scene.sql('DELETE FROM colophon.migrations WHERE version = 9999');
      },
    },
  },
  {
    name: 'a store that nobody answers for',
    provokes: ['store.unreachable'],
    async provoke(scene) {
      await initialise(scene);
      scene.env.COLOPHON_STORE_URL = Object.assign(new URL(scene.adminUrl), { port: '1' }).href;
    },
    byHand: {
      'store.unreachable'(scene, { remedy }) {
        expect(remedy).toMatch(/check host and port/);
        scene.env.COLOPHON_STORE_URL = scene.adminUrl;
      },
    },
  },
  {
    name: "a store with another server's records under this name",
    provokes: ['position.other'],
    async provoke(scene) {
      await initialise(scene);
      await writeNamed(scene, 'INSERT INTO todo VALUES (1)');
      await scene.sql(
        `UPDATE colophon.positions SET system_identifier = '1', accounted_system_identifier = '1'`,
      );
    },
  },
  {
    name: 'a gap',
    provokes: ['gaps.found'],
    async provoke(scene) {
      await initialise(scene);
      await writeNamed(scene, 'INSERT INTO todo VALUES (1)');
      await scene.sql(
        'INSERT INTO todo VALUES (2)',
        `SELECT pg_replication_slot_advance('colophon', pg_current_wal_lsn())`,
      );
      await scene.run(['run', '--once']);
    },
  },
  {
    name: 'an owner who can log in',
    provokes: ['rights.owner'],
    async provoke(scene) {
      await scene.sql(
        'CREATE ROLE plain LOGIN REPLICATION',
        `GRANT CREATE ON DATABASE ${scene.database} TO plain`,
        'GRANT ALL ON SCHEMA public TO plain',
      );
      scene.url = as(scene.url, 'plain');
      await sql(scene.url, 'CREATE TABLE todo (id int PRIMARY KEY)');
      await scene.run(['init', '--tables', 'todo']);
    },
    async cleanUp(scene) {
      scene.url = scene.adminUrl;
      await scene.run(['drop', '--store-too']);
      await scene.sql('DROP OWNED BY plain CASCADE', 'DROP ROLE plain');
    },
  },
  {
    name: 'a role that could do everything',
    provokes: ['rights.many'],
    provoke: initialise,
  },
  {
    name: 'changes without any context',
    provokes: ['context.none'],
    async provoke(scene) {
      await initialise(scene);
      await scene.sql('INSERT INTO todo VALUES (1)');
      await scene.run(['run', '--once']);
    },
    byHand: {
      async 'context.none'(scene, { remedy }) {
        expect(remedy).toMatch(/@colophon\/pg/);
        await writeNamed(scene, 'INSERT INTO todo VALUES (2)');
      },
    },
  },
  {
    name: 'a table that is written without context',
    provokes: ['context.tables'],
    async provoke(scene) {
      await initialise(scene);
      await scene.sql('INSERT INTO other VALUES (1)');
      await writeNamed(scene, 'INSERT INTO todo VALUES (1)');
    },
    byHand: {
      async 'context.tables'(scene, { message, remedy }) {
        expect(message).toBe('1 of the latest 2 changes have a context; none of other');
        expect(remedy).toMatch(/@colophon\/pg/);
        await writeNamed(scene, 'INSERT INTO other VALUES (2)');
      },
    },
  },
  {
    name: 'a redaction rule that fits nothing',
    provokes: ['redaction.impossible'],
    async provoke(scene) {
      await initialise(scene);
      writeConfig(scene, { redact: { tables: { todo: { secret: 'drop' } } } });
    },
    byHand: {
      'redaction.impossible'(scene, { message }) {
        expect(message).toBe('table todo has no column secret');
        writeConfig(scene, {});
      },
    },
  },
  {
    name: 'a pattern that meets no column',
    provokes: ['columns.idle'],
    async provoke(scene) {
      await initialise(scene);
      writeConfig(scene, { columns: { exclude: ['*.secret_*'] } });
    },
    byHand: {
      'columns.idle'(scene, { message }) {
        expect(message).toBe('no column of a tracked table is met by *.secret_*');
        writeConfig(scene, { columns: { exclude: ['*.id'] } });
      },
    },
  },
  {
    name: 'an ignored column whose changes can not be told',
    provokes: ['columns.unseen'],
    async provoke(scene) {
      await scene.sql('CREATE TABLE todo (id int PRIMARY KEY, updated_at timestamptz)');
      await scene.run(['init', '--tables', 'todo', '--replica-identity', 'default']);
      writeConfig(scene, { columns: { ignore: ['*.updated_at'] } });
    },
    byHand: {
      async 'columns.unseen'(scene, { remedy }) {
        expect(remedy).toContain('colophon init --replica-identity full');
        await scene.run(['init', '--tables', 'todo', '--replica-identity', 'full']);
      },
    },
  },
];

function writeConfig(scene: Scene, config: object): void {
  fs.writeFileSync(path.join(scene.folder, 'colophon.config.json'), JSON.stringify(config));
}
