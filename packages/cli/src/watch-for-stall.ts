import type { Consumer } from '@colophon/core';
import { ColophonError } from '@colophon/protocol';

/**
 * Watches a consumer that is to reach an end: `stalled` rejects with `TIMEOUT`, or with the consumer's own last failure,
 * once nothing has moved for `timeoutMs` while it was not streaming, or while changes waited for the sink.
 */
export function watchForStall(
  consumer: Consumer,
  timeoutMs: number,
): { stalled: Promise<never>; end(): void } {
  let seen = '';
  let movedAtMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setInterval(
      () => {
        const status = consumer.status();
        const now = performance.now();
        const isStreaming = status.state === 'streaming';
        const sign = isStreaming
          ? `${status.receivedLsn}/${status.storedLsn}/${status.changes}/${status.queuedChanges}`
          : 'not streaming';
        // The source itself may take its time to decode a large transaction: its silence is the consumer's to judge.
        if (sign !== seen || (isStreaming && status.queuedChanges === 0)) movedAtMs = now;
        seen = sign;
        if (now - movedAtMs < timeoutMs) return;
        reject(
          status.lastError ??
            new ColophonError(
              'TIMEOUT',
              `Nothing moved for ${timeoutMs / 1000} s (${status.state}): check that ${isStreaming ? 'the store' : 'the source'} answers, or give a longer --timeout.`,
              { retryable: true },
            ),
        );
      },
      Math.min(1000, Math.max(10, timeoutMs / 4)),
    );
  });
  stalled.catch(() => {});
  return { stalled, end: () => clearInterval(timer) };
}
