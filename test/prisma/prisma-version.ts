import type pg from 'pg';
import * as six from '../prisma-6/index.js';
import * as seven from '../prisma-7/index.js';

/** A client generated from the tests' schema. The models are the same in both versions, and so are the types of what the tests call. */
export type Client = seven.PrismaClient;

/** A line of the query log: statement and values. */
type Log = (line: string) => void;

/** A version of Prisma, for tests that run on each. */
export interface PrismaVersion {
  readonly name: string;
  /** Over a pool of the application's. */
  overPool(pool: pg.Pool, log?: Log): Client;
  /** Over a pool that the adapter makes. */
  overUrl(connectionString: string, max?: number): Client;
}

/** Many wait for few connections, on a machine that does other things too. */
const transactionOptions = { maxWait: 60_000, timeout: 60_000 };

function versionOf(name: string, { PrismaClient, PrismaPg }: typeof seven): PrismaVersion {
  return {
    name,
    overPool(pool, log) {
      const options = { adapter: new PrismaPg(pool), transactionOptions };
      if (log === undefined) return new PrismaClient(options);
      const client = new PrismaClient({ ...options, log: [{ emit: 'event', level: 'query' }] });
      client.$on('query', ({ query, params }) => log(`${query} ${params}`));
      return client as unknown as Client;
    },
    overUrl: (connectionString, max = 2) =>
      new PrismaClient({ adapter: new PrismaPg({ connectionString, max }), transactionOptions }),
  };
}

export const prisma7: PrismaVersion = versionOf('Prisma 7', seven);
export const prisma6: PrismaVersion = versionOf('Prisma 6', six as unknown as typeof seven);
export const versions: readonly PrismaVersion[] = [prisma7, prisma6];
