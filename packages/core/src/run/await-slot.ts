import { ColophonError } from '@colophon/protocol';
import type { ConsumerSettings } from '../consumer-options.js';
import { checkSource } from '../replication/check-source.js';
import type { SourceClient } from '../replication/source-client.js';
import type { RetryPolicy } from './retry-policy.js';

// Well below the five seconds in which a free slot is to be taken over.
const SLOT_POLL_MS = 1_000;

/** What a wait for the slot works with. */
export interface SlotWaitOptions {
  readonly client: SourceClient;
  readonly settings: ConsumerSettings;
  readonly retries: RetryPolicy;
  readonly isStopping: () => boolean;
  /** Another consumer holds it. */
  readonly onWaiting: () => void;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Resolves once the slot is free, or on a stop. Throws what `checkSource` throws, and `SLOT_IN_USE` where it isn't waited for, or for too long. */
export async function awaitSlot(options: SlotWaitOptions): Promise<void> {
  const { client, settings, retries, isStopping, onWaiting, sleep } = options;
  const { slot, publication, slotTimeoutMs } = settings;
  const giveUpAtMs = performance.now() + slotTimeoutMs;
  while (!isStopping()) {
    const { isActive } = await checkSource(client, slot, publication);
    retries.reached();
    if (!isActive) return;
    if (!retries.waitsForSlot || performance.now() >= giveUpAtMs) throw inUse(slot);
    onWaiting();
    await sleep(Math.min(SLOT_POLL_MS, Math.max(1, giveUpAtMs - performance.now())));
  }
}

function inUse(slot: string): ColophonError {
  return new ColophonError(
    'SLOT_IN_USE',
    `Slot ${slot} is in use by another consumer. Stop that one, or let this one wait for it.`,
    { details: { slot } },
  );
}
