import { ColophonError } from '@colophon/protocol';

const UNITS: Readonly<Record<string, bigint>> = { MB: 1n << 20n, GB: 1n << 30n, TB: 1n << 40n };
const LONGEST_DAYS = 100_000;

/** Reads `400d`: days, since a month of records goes as a whole. Null where nothing is said. Throws `INVALID_OPTION`. */
export function parseKeep(text: string | undefined): number | null {
  if (text === undefined) return null;
  const days = Number(/^(\d{1,6})d$/.exec(text.trim())?.[1] ?? 0);
  if (days >= 1 && days <= LONGEST_DAYS) return days;
  throw new ColophonError(
    'INVALID_OPTION',
    `--keep is a number of days from 1 to ${LONGEST_DAYS}, like 400d, got ${JSON.stringify(text)}.`,
  );
}

/** Reads `50GB`, as PostgreSQL does: units of 1024. In bytes. Null where nothing is said. Throws `INVALID_OPTION`. */
export function parseMaxSize(text: string | undefined): bigint | null {
  if (text === undefined) return null;
  const [, digits = '0', unit = 'MB'] = /^(\d{1,6})\s*(MB|GB|TB)$/i.exec(text.trim()) ?? [];
  const bytes = BigInt(digits) * UNITS[unit.toUpperCase()]!;
  if (bytes > 0n) return bytes;
  throw new ColophonError(
    'INVALID_OPTION',
    `--max-size is a size like 500MB, 50GB or 2TB, got ${JSON.stringify(text)}.`,
  );
}
