import { unsupported } from './check-client.js';
import type { AdapterFactory, OriginalClient } from './prisma-client.js';

const WANTED = '@prisma/adapter-pg';

/** The client's adapter. Throws `UNSUPPORTED_CLIENT` for one that doesn't go through node-postgres. */
export function checkAdapter(client: OriginalClient): AdapterFactory {
  const adapter = client._engineConfig.adapter;
  if (adapter === null || adapter === undefined) {
    throw unsupported(
      `This Prisma Client has no driver adapter, wanted ${WANTED}: without one its writes don't go through node-postgres.`,
    );
  }
  if (adapter.adapterName !== WANTED || !('externalPool' in adapter)) {
    throw unsupported(
      `This Prisma Client's adapter is ${adapter.adapterName}, wanted ${WANTED}: no other can be instrumented.`,
      { adapter: adapter.adapterName },
    );
  }
  return adapter;
}
