import type { Consumer, ConsumerStatus } from '@colophon/core';
import { ColophonError } from '@colophon/protocol';

/**
 * Watches for what a consumer itself would try again for ever. `found` rejects with the consumer's last failure, else
 * with `TIMEOUT`: where source or sink were not reached within `timeoutMs`, or stopping takes longer than that; with
 * `isOnce` at any time when nothing has moved for so long while it wasn't streaming, or while changes waited for the
 * sink.
 */
export function watchForTrouble(
  consumer: Consumer,
  timeoutMs: number,
  isOnce: boolean,
): { found: Promise<never>; end(): void } {
  let seen = '';
  let movedAtMs = performance.now();
  let hasReached = false;
  let timer: NodeJS.Timeout | undefined;
  const found = new Promise<never>((_, reject) => {
    consumer.on('state', (state) => {
      if (state === 'streaming' || state === 'waiting') hasReached = true;
    });
    timer = setInterval(
      () => {
        const status = consumer.status();
        const sign = signOf(status);
        const now = performance.now();
        const isPatient = hasReached && !isOnce && status.state !== 'stopping';
        if (sign !== seen || isPatient || isAtWork(status)) movedAtMs = now;
        seen = sign;
        if (now - movedAtMs >= timeoutMs) reject(status.lastError ?? timedOut(status, timeoutMs));
      },
      Math.min(200, Math.max(10, timeoutMs / 4)),
    );
  });
  found.catch(() => {});
  return { found, end: () => clearInterval(timer) };
}

/** Changes where something moves. Attempts to connect don't count. */
function signOf(status: ConsumerStatus): string {
  const { state, receivedLsn, storedLsn, changes, queuedChanges } = status;
  const isConnected = state === 'streaming' || state === 'stopping';
  return isConnected ? `${receivedLsn}/${storedLsn}/${changes}/${queuedChanges}` : 'not connected';
}

/** The source may take its time to decode a large transaction: its silence is the consumer's to judge. The slot's wait has its own end. */
function isAtWork({ state, queuedChanges }: ConsumerStatus): boolean {
  return state === 'waiting' || (state === 'streaming' && queuedChanges === 0);
}

function timedOut({ state, source }: ConsumerStatus, timeoutMs: number): ColophonError {
  const who = source === null ? 'The source' : 'The store';
  return new ColophonError(
    'TIMEOUT',
    `${who} gave no answer within ${timeoutMs / 1000} s (${state}): check its host and port and what blocks it, or give a longer --timeout.`,
    { retryable: true, details: { timeoutMs } },
  );
}
