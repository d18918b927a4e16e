import { seededRandom, seedFromEnvironment } from '@colophon/testkit';
import pg from 'pg';
import { expect, inject, it } from 'vitest';
import { startColophon } from '../cli/colophon.js';
import { trackDatabase } from '../tracked-database.js';
import { RandomSchema } from './random-schema.js';
import { byTransaction, SCHEMA_ORACLE, storedRows, watch, writtenRows } from './schema-oracle.js';

const TRANSACTIONS = Number(process.env.SCHEMA_TRANSACTIONS ?? 150);

// A consumer that reads along, and one that was down meanwhile and reads old rows with today's catalog.
it.each(['running', 'down'] as const)(
  'rows are stored as they were written, whatever DDL stands between them, with a consumer that was %s',
  async (consumer) => {
    const seed = seedFromEnvironment();
    console.log(`SEED=${seed} SCHEMA_TRANSACTIONS=${TRANSACTIONS}`);
    const database = await trackDatabase(
      inject('serverUrl'),
      'CREATE SCHEMA other; CREATE TABLE t0 (id int PRIMARY KEY, a int); CREATE TABLE t1 (id bigint, b text, PRIMARY KEY (b, id))',
      { tables: 't0,t1' },
    );
    const { client } = database;
    await client.query(SCHEMA_ORACLE);
    for (const table of ['t0', 't1']) {
      await client.query(watch(table).replace(/; ALTER PUBLICATION.*/, ''));
    }
    const run = consumer === 'running' ? startColophon(['run', ...database.args]) : null;
    await run?.said('Reading');
    const second = new pg.Client({ connectionString: database.url });
    await second.connect();
    const schema = new RandomSchema(seededRandom(seed), client, second, watch);
    await schema.run(TRANSACTIONS);
    await second.end();
    run?.child.kill('SIGTERM');
    expect((await run?.finished)?.code ?? 0).toBe(0);
    await database.once();
    const expected = await writtenRows(client);
    const stored = await storedRows(client);
    console.log(JSON.stringify({ rows: expected.length, ...schema.done }));
    expect(expected.length).toBeGreaterThan(TRANSACTIONS);
    expect(byTransaction(stored)).toEqual(byTransaction(expected));
    await database.drop();
  },
  120_000 + TRANSACTIONS * 1000,
);
