import type { ErrorCode } from '@colophon/protocol';

/** One thing that doctor looked at. */
export interface Check {
  /** Short and stable, for programs: `wal_level`, `slot`, … */
  readonly name: string;
  /** `warn` works today but will hurt; `fail` doesn't work. */
  readonly verdict: 'ok' | 'warn' | 'fail';
  /** The code of the error that it gives or would give; null where it doesn't fail. */
  readonly code: ErrorCode | null;
  /** What was seen, and against what. */
  readonly message: string;
  /** What to do; null where it is ok. */
  readonly remedy: string | null;
}

/** A check that is fine. */
export function ok(name: string, message: string): Check {
  return { name, verdict: 'ok', code: null, message, remedy: null };
}

/** A check that works, but will hurt. */
export function warn(name: string, message: string, remedy: string): Check {
  return { name, verdict: 'warn', code: null, message, remedy };
}

/** A check that fails. */
export function fail(name: string, code: ErrorCode, message: string, remedy: string | null): Check {
  return { name, verdict: 'fail', code, message, remedy };
}
