import '@colophon/pg/register';
import { CONTRACT_SCHEMA, type ContractAdapter, contractCases } from '@colophon/testkit';
import knex from 'knex';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { environmentOf } from './environment.js';
import { knexSession } from './knex-session.js';

const open = async (connection: string, max: number) =>
  knexSession(knex({ client: 'pg', connection, pool: { min: 0, max } }), async () => {});

/** In a process with `register` nothing is without Colophon, so the cases that compare stay out: there is no `openPlain`. */
const adapter: ContractAdapter = {
  name: "Knex's own pool",
  open,
  openPlain: () => Promise.reject(new Error('there is no plain client in this process')),
};
const COMPARE = ['reads', 'round trips', 'results'];

describe("Knex with its own pool and '@colophon/pg/register'", () => {
  let database: TrackedDatabase;
  beforeAll(async () => {
    database = await trackDatabase(inject('serverUrl'), CONTRACT_SCHEMA, { tables: 'item' });
  });
  afterAll(() => database?.drop());

  it.each(contractCases.filter(({ name }) => !COMPARE.some((start) => name.startsWith(start))))(
    '$name',
    async ({ run }) => {
      await run(adapter, await environmentOf(database));
    },
  );

  it('a stream of a query that writes', async () => {
    const environment = await environmentOf(database);
    const ann = { user: 'ann' };
    const db = knex({ client: 'pg', connection: database.url, pool: { min: 0, max: 2 } });
    await environment.runInContext(ann, async () => {
      await db('item').insert([{ id: 1 }, { id: 2 }]);
      const rows: unknown[] = [];
      for await (const row of db('item').update({ title: 'streamed' }).returning('id').stream())
        rows.push(row);
      expect(rows).toHaveLength(2);
    });
    await db.destroy();
    const stored = await environment.changes();
    expect(stored.map(({ operation, context }) => [operation, context])).toEqual([
      ['CREATE', ann],
      ['CREATE', ann],
      ['UPDATE', ann],
      ['UPDATE', ann],
    ]);
  });
});
