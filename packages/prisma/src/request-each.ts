import type { BatchOptions, Engine, TransactionInfo } from './prisma-client.js';

const NOWHERE: TransactionInfo = { id: 'colophon: none' };
/** Prisma's code, of a transaction that isn't there too. */
const TRANSACTION_API_ERROR = 'P2028';

/**
 * Sends the queries of one batch one after the other, each by its own call: what the engine's own `requestBatch` does, which can't tell whose each is. In the transaction they
 * belong to, or in one of their own; it ends at the first that fails. Gives the results, an error in the place of one that failed. As there, nothing is sent where one of them
 * can't be understood: then it rejects.
 */
export async function requestEach(
  engine: Engine,
  requests: ((options: object) => Promise<unknown>)[],
  { transaction }: BatchOptions,
): Promise<unknown[]> {
  await compileAll(requests);
  if (transaction?.kind === 'itx') return (await sendEach(requests, transaction.options)).results;
  const options = { ...engine.config.transactionOptions, ...given(transaction?.options) };
  const info = await engine.transaction('start', {}, options);
  const { results, hasFailed } = await sendEach(requests, info);
  await engine.transaction(hasFailed ? 'rollback' : 'commit', {}, info);
  return results;
}

/** The engine first understands a query, then looks for its transaction: so one that isn't there shows who can't be understood. */
async function compileAll(requests: ((options: object) => Promise<unknown>)[]): Promise<void> {
  for (const request of requests) {
    await request({ interactiveTransaction: NOWHERE }).catch((error: { code?: unknown }) => {
      if (error.code !== TRANSACTION_API_ERROR) throw error;
    });
  }
}

async function sendEach(
  requests: ((options: object) => Promise<unknown>)[],
  interactiveTransaction: TransactionInfo,
): Promise<{ results: unknown[]; hasFailed: boolean }> {
  const results: unknown[] = [];
  for (const request of requests) {
    try {
      results.push(await request({ interactiveTransaction }));
    } catch (error) {
      results.push(error);
      return { results, hasFailed: true };
    }
  }
  return { results, hasFailed: false };
}

function given(options: Record<string, unknown> = {}): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
