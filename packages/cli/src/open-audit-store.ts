import { checkUrl, type Deadline } from '@colophon/setup';
import { openStore, type Store } from '@colophon/store';
import { type Settings, storeUrl } from './settings.js';

/** Opens the store for reading, within the deadline. Throws `STORE_MISSING`, `STORE_OUTDATED`, … and `TIMEOUT`. */
export function openAuditStore(settings: Settings, deadline: Deadline): Promise<Store> {
  const url = storeUrl(settings);
  checkUrl(url, 'store');
  // One connection: what is asked first is then also answered first.
  return deadline.race(openStore(url, { applicationName: 'colophon', maxConnections: 1 }), STORE);
}

/** The items as they come, each within the deadline, which begins anew with each. */
export async function* withinDeadline<T>(items: AsyncIterable<T>, deadline: Deadline): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  for (;;) {
    deadline.renew();
    const next = await deadline.race(iterator.next(), STORE);
    if (next.done === true) return;
    yield next.value;
  }
}

/** What messages call the store. */
export const STORE = 'The store';
