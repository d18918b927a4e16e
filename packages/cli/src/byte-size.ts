import { ColophonError } from '@colophon/protocol';

const UNITS: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Reads `1GB`, `500 MiB`, `64k`, `0`, as PostgreSQL's settings count: a kB is 1,024 bytes; a bare number is bytes. Throws `INVALID_OPTION`. */
export function parseByteSize(text: string, option: string): number {
  const match = /^(\d{1,15}(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim());
  if (match !== null) return Math.round(Number(match[1]) * UNITS[match[2]!.toLowerCase()]!);
  throw new ColophonError(
    'INVALID_OPTION',
    `${option} is a size like 1GB or 500MB (0 for never), got ${JSON.stringify(text)}.`,
  );
}
