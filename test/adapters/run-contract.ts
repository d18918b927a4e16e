import fs from 'node:fs';
import path from 'node:path';
import { CONTRACT_SCHEMA, type ContractAdapter, contractCases } from '@colophon/testkit';
import { afterAll, beforeAll, describe, inject, it } from 'vitest';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import adapters from './adapters.json' with { type: 'json' };
import { environmentOf } from './environment.js';

/** Makes a test of each case of the contract, against a database of its own and `colophon run --once`, and writes the adapter's column of the matrix. */
export function runContract(adapter: ContractAdapter): void {
  if (!adapters.some(({ name }) => name === adapter.name)) {
    throw new Error(
      `test/adapters/adapters.json has no ${adapter.name}, wanted a line for it: the README's matrix is made of that list`,
    );
  }
  describe(`${adapter.name} keeps the contract`, () => {
    const column: Record<string, string> = {};
    let database: TrackedDatabase;

    beforeAll(async () => {
      database = await trackDatabase(inject('serverUrl'), CONTRACT_SCHEMA, { tables: 'item' });
    });
    afterAll(async () => {
      fs.writeFileSync(path.join(inject('matrixFolder'), `${adapter.name}.json`), JSON.stringify(column));
      await database?.drop();
    });

    it.each(contractCases)('$name', async ({ name, shows, run }) => {
      column[name] = '✗';
      await run(adapter, await environmentOf(database));
      column[name] = shows;
    });
  });
}
