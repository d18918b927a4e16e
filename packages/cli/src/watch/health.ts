import type { ConsumerState, ConsumerStatus } from '@colophon/core';
import type { ColophonError } from '@colophon/protocol';

/** An answer for whoever asks how it goes. */
export interface Health {
  readonly isWell: boolean;
  readonly state: ConsumerState;
  /** Why not; null where it is well. */
  readonly code: string | null;
  readonly reason: string | null;
}

// Longer than any wait for an answer that ends by itself.
const STUCK_MS = 300_000;

/** Whether the process does what it is there for: not whether it succeeds, but whether it still tries. */
export class Pulse {
  private sign = '';
  private movedAtMs = 0;

  /** Looks; to be called every few seconds. `written` counts what was given to the sink. */
  look(status: ConsumerStatus, written: number, nowMs: number): void {
    const { state, receivedLsn, changes, queuedChanges, reconnects } = status;
    const sign = `${state}/${receivedLsn}/${written}/${changes}/${queuedChanges}/${reconnects}`;
    const isAtRest =
      state === 'waiting' || (state === 'streaming' && queuedChanges === 0 && written <= changes);
    if (sign !== this.sign || isAtRest) this.movedAtMs = nowMs;
    this.sign = sign;
  }

  /** For `/healthz`: false asks to be started anew. */
  health(status: ConsumerStatus, nowMs: number): Health {
    const { state, lastError } = status;
    if (state === 'failed' || state === 'stopped') {
      return unwell(state, lastError?.code ?? 'STOPPED', lastError?.message ?? 'The consumer has ended.');
    }
    const still = nowMs - this.movedAtMs;
    if (this.sign !== '' && still >= STUCK_MS) {
      return unwell(
        state,
        'STUCK',
        `Nothing has moved for ${Math.round(still / 1_000)} s while it was ${state}.`,
      );
    }
    return { isWell: true, state, code: null, reason: null };
  }
}

/** For `/readyz`: whether it reads the slot, or waits for it as it should, and the store can be written to. */
export function readiness(status: ConsumerStatus, storeFailure: ColophonError | null): Health {
  const { state, lastError } = status;
  if (state !== 'streaming' && state !== 'waiting') {
    return unwell(state, lastError?.code ?? 'NOT_READY', lastError?.message ?? `The consumer is ${state}.`);
  }
  if (storeFailure !== null) return unwell(state, storeFailure.code, storeFailure.message);
  return { isWell: true, state, code: null, reason: null };
}

function unwell(state: ConsumerState, code: string, reason: string): Health {
  return { isWell: false, state, code, reason };
}
