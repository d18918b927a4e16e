import { AsyncResource } from 'node:async_hooks';
import { bindContext } from '@colophon/context';
import { isPlain, type Submittable } from './node-postgres.js';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

const HANDLERS = [
  'handleRowDescription',
  'handleDataRow',
  'handlePortalSuspended',
  'handleEmptyQuery',
  'handleCommandComplete',
  'handleReadyForQuery',
  'handleError',
  'handleCopyInResponse',
  'handleCopyData',
] as const;

/**
 * Makes a query's callback and events run as whoever asks for it now. Without, they run as whoever opened the connection, and what they
 * write gets another user's name. The query object stays the same one.
 */
export function bindToAsker(query: Submittable, isHandedIn: boolean): void {
  const members = query as unknown as Record<string, unknown>;
  const { callback } = query;
  if (isPlain(query) && typeof callback === 'function') {
    query.callback = bindContext(callback as AnyFunction);
    // Made inside `query()` out of a text: nobody else can listen to it.
    if (!isHandedIn) return;
  }
  bindEmit(members);
  if (isPlain(query)) return;
  const resource = new AsyncResource('ColophonQuery');
  for (const name of HANDLERS) {
    const handler = members[name];
    if (typeof handler !== 'function') continue;
    members[name] = function bound(this: unknown, ...args: unknown[]): unknown {
      return resource.runInAsyncScope(handler as AnyFunction, this, ...args);
    };
  }
}

function bindEmit(members: Record<string, unknown>): void {
  const { emit } = members;
  if (typeof emit === 'function') members.emit = bindContext(emit as AnyFunction);
}
