import { instrument } from '@colophon/pg';
import type { ContractAdapter, ContractItem, ContractSession, ContractWrites } from '@colophon/testkit';
import pg from 'pg';
import { runContract } from './run-contract.js';

const INSERT = 'INSERT INTO item (id, owner, title) VALUES ($1, $2, $3)';

function writesOf(on: pg.Pool | pg.PoolClient): ContractWrites {
  return {
    insert: ({ id, owner, title }) => on.query(INSERT, [id, owner, title]),
    insertMany: (items) =>
      on.query('INSERT INTO item SELECT * FROM json_populate_recordset(NULL::item, $1)', [
        JSON.stringify(items),
      ]),
    update: (id, title) => on.query('UPDATE item SET title = $1 WHERE id = $2', [title, id]),
    remove: (id) => on.query('DELETE FROM item WHERE id = $1', [id]),
    read: async (id) => (await on.query<ContractItem>('SELECT * FROM item WHERE id = $1', [id])).rows[0],
    raw: (sql, values) => (values.length === 0 ? on.query(sql) : on.query(sql, [...values])),
  };
}

function sessionOf(pool: pg.Pool): ContractSession {
  return {
    ...writesOf(pool),
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const result = await work(writesOf(client));
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
    close: () => pool.end(),
  };
}

const adapter: ContractAdapter = {
  name: 'pg',
  open: async (connectionString, max) => sessionOf(instrument(new pg.Pool({ connectionString, max }))),
  openPlain: async (connectionString, max) => sessionOf(new pg.Pool({ connectionString, max })),
};

runContract(adapter);
