import { instrument } from '@colophon/pg';
import type { ContractAdapter } from '@colophon/testkit';
import knex from 'knex';
import pg from 'pg';
import { knexSession } from './knex-session.js';
import { runContract } from './run-contract.js';

const adapter: ContractAdapter = {
  name: 'Knex',
  open: async (connectionString, max, log) => open(instrument(new pg.Pool({ connectionString, max })), log),
  openPlain: async (connectionString, max, log) => open(new pg.Pool({ connectionString, max }), log),
};

function open(pool: pg.Pool, log?: (line: string) => void) {
  return knexSession(knex({ client: 'pg', connectionPool: pool }), () => pool.end(), log);
}

runContract(adapter);
