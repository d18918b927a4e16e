import type { ConnectionLike } from './node-postgres.js';

const originals = new WeakMap<ConnectionLike, ConnectionLike['query']>();

/** Keeps the connection's own `query`, from before it was wrapped. */
export function keepQuery(connection: ConnectionLike, query: ConnectionLike['query']): void {
  originals.set(connection, query);
}

/** Sends a text as it is, past everything of ours. */
export function sendOriginal(connection: ConnectionLike, text: string): void {
  originals.get(connection)!.call(connection, text);
}
