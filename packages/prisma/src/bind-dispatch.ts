import { bindContext, type Context, currentContext, runOutsideContext } from '@colophon/context';
import type { BatchOptions, OriginalClient, ProtocolQuery } from './prisma-client.js';
import { requestEach } from './request-each.js';
import { setOwn } from './set-own.js';

/** Whose a query is. */
interface Asker {
  readonly context: Context | undefined;
  /** Calls `work` as who asked for the query. */
  run<T>(work: () => T): T;
}

const READS = new Set(['findUnique', 'findUniqueOrThrow']);

/**
 * Sends each query as who asked for it. Prisma gathers what one tick asks for (unique reads, what stands in a transaction) and sends all of it, of every request that
 * shares the client, as whoever came first in that tick: without this, another's write would get his name.
 */
export function bindDispatch(client: OriginalClient, whenStarted: () => Promise<void> | undefined): void {
  const { _engine: engine, _requestHandler: handler } = client;
  const askers = new WeakMap<ProtocolQuery, Asker>();
  const { request, requestBatch, transaction } = engine;
  const askFor = handler.request;
  setOwn(handler, 'request', (params) => {
    const run = bindContext((work: () => unknown) => work()) as Asker['run'];
    askers.set(params.protocolQuery, { context: currentContext(), run });
    return askFor.call(handler, params);
  });
  setOwn(engine, 'request', (query, options) =>
    afterStart(() => asAsker(askers.get(query), () => request.call(engine, query, options))),
  );
  setOwn(engine, 'requestBatch', (queries, options) => afterStart(() => sendTogether(queries, options)));
  setOwn(engine, 'transaction', ((...args: Parameters<typeof transaction>) =>
    afterStart(() => transaction.apply(engine, args))) as typeof transaction);

  function afterStart<T>(work: () => Promise<T>): Promise<T> {
    const started = whenStarted();
    return started === undefined ? work() : started.then(work);
  }

  function sendTogether(queries: ProtocolQuery[], options: BatchOptions): Promise<unknown[]> {
    const all = queries.map((query) => askers.get(query));
    const send = () => requestBatch.call(engine, queries, options);
    const [first] = all;
    if (all.every((asker) => asker?.context === first?.context)) return asAsker(first, send);
    // One read for several: it is nobody's.
    if (queries.every(({ action }) => READS.has(action))) return runOutsideContext(send);
    const requests = queries.map(
      (query, i) => (inTransaction: object) =>
        asAsker(all[i], () => request.call(engine, query, inTransaction)),
    );
    return requestEach(engine, requests, options);
  }
}

function asAsker<T>(asker: Asker | undefined, work: () => T): T {
  return asker === undefined ? work() : asker.run(work);
}
