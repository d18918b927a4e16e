import type { ErrorCode } from '@colophon/protocol';
import { CHECK_GROUPS, type CheckGroup, type CheckName, FINDINGS, type FindingId } from './findings.js';
import type { Advice, Fix } from './fix.js';

/** One thing that doctor looked at. */
export interface Check {
  /** Short and stable, for programs: `wal_level`, `slot`, … */
  readonly name: CheckName;
  /** `warn` works today but will hurt; `fail` doesn't work. */
  readonly verdict: 'ok' | 'warn' | 'fail';
  /** The code of the error that it gives or would give; null where it doesn't fail. */
  readonly code: ErrorCode | null;
  /** What was seen, and against what. */
  readonly message: string;
  /** What to do; null where it is ok. */
  readonly remedy: string | null;
  /** What it is about. */
  readonly group: CheckGroup;
  /** Which of the things that can be wrong: `publication.operations`; null where it is ok. */
  readonly finding: FindingId | null;
  /** Why it matters; null where it is ok. */
  readonly why: string | null;
  /** The remedy for programs; null where only a person can do it. */
  readonly fix: Fix | null;
}

/** A check that is fine. */
export function ok(name: CheckName, message: string): Check {
  const group = CHECK_GROUPS[name];
  return {
    name,
    verdict: 'ok',
    code: null,
    message,
    remedy: null,
    group,
    finding: null,
    why: null,
    fix: null,
  };
}

/** Something that is wrong. `code` where it isn't the finding's own. */
export function found(
  finding: FindingId,
  message: string,
  advice: Advice | null,
  code: ErrorCode | null = FINDINGS[finding].code,
): Check {
  const { check: name, verdict, why } = FINDINGS[finding];
  return {
    name,
    verdict,
    code,
    message,
    remedy: advice?.remedy ?? null,
    group: CHECK_GROUPS[name],
    finding,
    why,
    fix: advice?.fix ?? null,
  };
}
