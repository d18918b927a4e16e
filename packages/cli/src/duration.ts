import { ColophonError } from '@colophon/protocol';

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `30`, `30s`, `500ms`, `2m`, `1h`, `1d`; a bare number is seconds. In milliseconds. Throws `INVALID_OPTION`. */
export function parseDuration(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  const ms = match === null ? 0 : Math.round(Number(match[1]) * UNITS[match[2] ?? 's']!);
  // setTimeout counts in 31 bits.
  if (ms < 1 || ms > 2 ** 31 - 1) {
    throw new ColophonError(
      'INVALID_OPTION',
      `${option} is a time like 30, 500ms or 2m (seconds unless said), got ${JSON.stringify(text)}.`,
    );
  }
  return ms;
}
