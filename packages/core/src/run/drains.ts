import { ColophonError, type Lsn } from '@colophon/protocol';
import type { ConsumerSettings } from '../consumer-options.js';
import { confirmedLsn } from '../replication/confirmed-lsn.js';
import { SourceClient } from '../replication/source-client.js';
import { commitMarker, markerToken } from './marker.js';

const CONFIRM_POLL_MS = 10;
const CONFIRM_TIMEOUT_MS = 5_000;

interface Waiter {
  readonly resolve: (endLsn: Lsn) => void;
  readonly reject: (error: unknown) => void;
}

/** The waits for "everything up to now": each commits a marker of its own at the source and waits for it to come by. */
export class Drains {
  private readonly settings: ConsumerSettings;
  private readonly waiters = new Map<string, Waiter>();

  constructor(settings: ConsumerSettings) {
    this.settings = settings;
  }

  /** One wait. `streaming` resolves once the slot is ours. Rejects with `TIMEOUT`, or with what `abandon` was given. */
  async drain(streaming: Promise<void>, timeoutMs: number | undefined): Promise<void> {
    const { config, prefixes, slot, publication } = this.settings;
    const token = markerToken();
    let timer: NodeJS.Timeout | undefined;
    const seen = new Promise<Lsn>((resolve, reject) => {
      this.waiters.set(token, { resolve, reject });
      if (timeoutMs !== undefined) {
        timer = setTimeout(() => reject(timedOut(timeoutMs)), timeoutMs);
      }
    });
    seen.catch(() => {});
    try {
      // A marker committed earlier may be taken, and acknowledged, by whoever still holds the slot.
      await Promise.race([streaming, seen]);
      await Promise.race([commitMarker(config, prefixes[0]!, token, { slot, publication }), seen]);
      await this.confirmed(await seen);
    } finally {
      clearTimeout(timer);
      this.waiters.delete(token);
    }
  }

  /** The marker came by; everything up to `endLsn` is stored, and its acknowledgement sent. */
  marker(token: string, endLsn: Lsn): void {
    this.waiters.get(token)?.resolve(endLsn);
  }

  /** No marker will come by any more. */
  abandon(error: unknown): void {
    for (const waiter of this.waiters.values()) waiter.reject(error);
    this.waiters.clear();
  }

  /** The acknowledgement is on its way: until the source shows it, a restart might deliver again. */
  private async confirmed(endLsn: Lsn): Promise<void> {
    const { config, slot, publication } = this.settings;
    const client = new SourceClient(config, { slot, publication });
    const giveUpAtMs = performance.now() + CONFIRM_TIMEOUT_MS;
    try {
      while (performance.now() < giveUpAtMs) {
        if ((await confirmedLsn(client, slot)) >= endLsn) return;
        await new Promise((resolve) => setTimeout(resolve, CONFIRM_POLL_MS));
      }
    } finally {
      await client.end();
    }
  }
}

function timedOut(timeoutMs: number): ColophonError {
  return new ColophonError(
    'TIMEOUT',
    `Not everything was stored within ${timeoutMs} ms. Wait longer, or see whether the sink keeps up.`,
    { retryable: true, details: { timeoutMs } },
  );
}
