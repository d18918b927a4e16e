import type { BatchOptions, Engine, TransactionInfo } from './prisma-client.js';

/**
 * Sends the queries of one batch one after the other, each by its own call: what the engine's own `requestBatch` does, which can't tell whose each is. In the transaction they
 * belong to, or in one of their own; it ends at the first that fails. Gives the results, an error in the place of one that failed.
 */
export async function requestEach(
  engine: Engine,
  requests: ((options: object) => Promise<unknown>)[],
  { transaction }: BatchOptions,
): Promise<unknown[]> {
  if (transaction?.kind === 'itx') return (await sendEach(requests, transaction.options)).results;
  const options = { ...engine.config.transactionOptions, ...given(transaction?.options) };
  const info = await engine.transaction('start', {}, options);
  const { results, hasFailed } = await sendEach(requests, info);
  await engine.transaction(hasFailed ? 'rollback' : 'commit', {}, info);
  return results;
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
