import type { ChangeRow, Store } from '@colophon/store';

const DEADLINE_MS = 30_000;

/** Waits until the consumer has stored this many changes, and gives them, the oldest first; half a minute is far more than it needs. `check` may throw to give up. */
export async function untilStored(store: Store, count: number, check: () => void): Promise<ChangeRow[]> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    check();
    const changes: ChangeRow[] = [];
    for await (const change of store.changes({ order: 'oldest' })) changes.push(change);
    if (changes.length >= count) return changes;
    if (Date.now() > deadline)
      throw new Error(`${changes.length} of ${count} changes were stored after ${DEADLINE_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
