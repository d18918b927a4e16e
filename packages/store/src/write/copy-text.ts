/** COPY's text for NULL. */
export const NULL = '\\N';

const SPECIAL = /[\\\t\n\r]/;

/**
 * A value in the text format of COPY. Backslash, tab, newline and carriage return are the characters that mean
 * something there; and a value can't be taken for NULL (`\N`) or the end of data (`\.`), whose backslash is doubled.
 * @see https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2
 */
export function copyText(value: string): string {
  // A test first: most values hold none, and it is several times faster than replacing nothing.
  if (!SPECIAL.test(value)) return value;
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('\t', '\\t')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
}

/** A value that may be null, likewise. */
export function nullableCopyText(value: string | null): string {
  return value === null ? NULL : copyText(value);
}

/** A `text[]` in the text format of COPY. */
export function copyTextArray(values: readonly string[]): string {
  const quoted = values.map((value) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
  return copyText(`{${quoted.join(',')}}`);
}

// Transactions come in the order of their commits, hundreds a second: the second's text is made once.
let second = { seconds: Number.NaN, text: '' };

/** Microseconds since 1970 as PostgreSQL reads a timestamptz. */
export function timestampText(micros: bigint): string {
  const number = Number(micros);
  // Beyond the year 2255 a number has no microseconds; before 1970 the fraction counts backwards.
  if (number < 0 || !Number.isSafeInteger(number)) return exactTimestampText(micros);
  const seconds = Math.floor(number / 1_000_000);
  if (seconds !== second.seconds) {
    second = { seconds, text: new Date(seconds * 1000).toISOString().slice(0, -'000Z'.length) };
  }
  return `${second.text}${String(number - seconds * 1_000_000).padStart(6, '0')}+00`;
}

function exactTimestampText(micros: bigint): string {
  const milliseconds = micros >= 0n ? micros / 1000n : -((-micros + 999n) / 1000n);
  const rest = String(micros - milliseconds * 1000n).padStart(3, '0');
  // Beyond the year 9999 JavaScript writes `+010000-…`.
  const iso = new Date(Number(milliseconds)).toISOString().replace(/^\+0*/, '');
  return `${iso.slice(0, -1)}${rest}+00`;
}
