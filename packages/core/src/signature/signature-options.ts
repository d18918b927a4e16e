import type { KeyObject } from 'node:crypto';
import { ColophonError, type SignatureKey, signatureSecret } from '@colophon/protocol';

/** How signatures of contexts are verified. */
export interface SignatureOptions {
  /** Every key that is accepted: one while nothing changes, two while one follows another. */
  readonly keys: readonly SignatureKey[];
  /**
   * How long before its commit an emission may have been signed, in milliseconds: longer than the longest transaction. It may be as far
   * ahead where clocks differ. All signatures of twice that time are remembered. Default one hour.
   */
  readonly windowMs?: number;
  /** For whom signatures must be. Default: the database's name. See `sign.audience` of `instrument`. */
  readonly audience?: string;
}

/** The options made ready. */
export interface SignatureSettings {
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly windowMs: number;
  /**
   * How long before the newest signature one is remembered: two windows, since the newest may be of a clock a window ahead, and
   * another be signed a window before its commit.
   */
  readonly keptMs: number;
  /** Null: the database's name. */
  readonly audience: string | null;
}

const HOUR_MS = 3_600_000;

/** Null where no signature is asked for. Throws `INVALID_OPTION`. */
export function signatureSettings(options: SignatureOptions | undefined): SignatureSettings | null {
  if (options === undefined) return null;
  const { keys, windowMs = HOUR_MS, audience = null } = options;
  if (!Array.isArray(keys) || keys.length === 0) throw invalid('has keys, at least one');
  const ready = new Map(keys.map((key) => [key.id, signatureSecret(key)]));
  if (ready.size !== keys.length) throw invalid('has two keys with the same id');
  if (!(Number.isFinite(windowMs) && windowMs >= 1_000))
    throw invalid(`has a windowMs of at least 1,000, got ${windowMs}`);
  if (audience !== null && (typeof audience !== 'string' || audience.includes('\0'))) {
    throw invalid('has an audience that is a text');
  }
  return { keys: ready, windowMs, keptMs: 2 * windowMs, audience };
}

function invalid(wanted: string): ColophonError {
  return new ColophonError('INVALID_OPTION', `Option signature ${wanted}.`, {
    details: { option: 'signature' },
  });
}
