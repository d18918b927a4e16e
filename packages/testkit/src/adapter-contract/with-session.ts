import type {
  ContractAdapter,
  ContractItem,
  ContractSession,
  ContractTransaction,
  ContractWrites,
} from './contract-adapter.js';

/** Opens the adapter with Colophon for the time of `work`. */
export async function withSession(
  adapter: ContractAdapter,
  url: string,
  poolSize: number,
  work: (session: ContractSession) => Promise<void>,
): Promise<void> {
  const session = await adapter.open(url, poolSize);
  try {
    await work(session);
  } finally {
    await session.close();
  }
}

/** The row `id` of this owner. */
export function itemOf(id: number, owner: string, title = `title ${id}`): ContractItem {
  return { id, owner, title };
}

/** A savepoint by the ORM's own way, or by raw SQL where it has none. */
export async function inSavepoint(
  inside: ContractTransaction,
  work: (writes: ContractWrites) => Promise<unknown>,
): Promise<unknown> {
  if (inside.savepoint !== undefined) return inside.savepoint(work);
  await inside.raw('SAVEPOINT contract', []);
  let result: unknown;
  try {
    result = await work(inside);
  } catch (error) {
    await inside.raw('ROLLBACK TO SAVEPOINT contract', []);
    throw error;
  }
  await inside.raw('RELEASE SAVEPOINT contract', []);
  return result;
}

/** The rows that a raw SELECT gave, in whichever form the ORM gives them. */
export function rowsOf(result: unknown): Record<string, unknown>[] {
  const rows = Array.isArray(result) ? result : (result as { rows?: unknown } | null)?.rows;
  if (!Array.isArray(rows))
    throw new Error('raw gave no rows for a SELECT, wanted an array or an object with rows');
  return rows as Record<string, unknown>[];
}
