import { checkInstrumentOptions, type InstrumentOptions } from '@colophon/pg';
import { bindCalls } from './bind-calls.js';
import { bindDispatch } from './bind-dispatch.js';
import { checkAdapter } from './check-adapter.js';
import { checkClient } from './check-client.js';
import { checkCopies } from './check-copies.js';
import { instrumentAdapter } from './instrument-adapter.js';

/** How the connections of the adapter are instrumented, where they aren't already. The context is always that of `@colophon/context`: see `setCarrier` for another. */
export type ColophonOptions = Omit<InstrumentOptions, 'context'>;

/** What `$extends` takes: an extension that adds nothing to the client, so that its types stay as they are. */
export type ColophonExtension = (
  // biome-ignore lint/suspicious/noExplicitAny: every application generates a client type of its own, and Prisma's own extensions say any too.
  client: any,
) => { $extends: { extArgs: NoExtension } };

// biome-ignore lint/complexity/noBannedTypes: Prisma's word for "nothing added".
type NoExtension = { result: {}; model: {}; query: {}; client: {} };

/** Kept on the client's engine, where another copy of this package finds it too. */
const EXTENDED: unique symbol = Symbol.for('@colophon/prisma/1') as never;

/**
 * For `prisma.$extends(colophon())`: every write of the client, in whatever way it is made, carries the context that was in force when the client was called, in the
 * same round trip. Results, errors, events, round trips and types stay as they were.
 *
 * The client that it is given becomes context-aware itself, with all that were or will be made from it by `$extends`, in whichever order; the same
 * client comes back. Doing it again changes nothing. A pool that the adapter was given is instrumented, unless it is; otherwise the pool that the adapter makes.
 *
 * For Prisma 6 (from 6.16, `engineType = "client"`) and 7, with `@prisma/adapter-pg`. At `$extends` it throws `UNSUPPORTED_CLIENT` for any other client, `CARRIER_CONFLICT` where another
 * copy of Colophon keeps its contexts elsewhere, `INVALID_OPTION` for an unusable option.
 */
export function colophon(options: ColophonOptions = {}): ColophonExtension {
  checkInstrumentOptions(options);
  return (given) => {
    const client = checkClient(given);
    const adapter = checkAdapter(client);
    checkCopies(adapter.externalPool);
    if (!(EXTENDED in client._engine)) {
      const whenStarted = instrumentAdapter(adapter, client._engine, options);
      bindCalls(client);
      bindDispatch(client, whenStarted);
      Object.defineProperty(client._engine, EXTENDED, { value: true });
    }
    return given;
  };
}
