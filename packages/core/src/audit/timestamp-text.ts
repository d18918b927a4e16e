/** Microseconds since 1970-01-01 UTC as ISO 8601 with all six digits, as `to_jsonb` writes a timestamptz in UTC: `2026-11-23T00:52:10.123456+00:00`. */
export function timestampText(micros: bigint): string {
  const seconds = micros / 1_000_000n - (micros % 1_000_000n < 0n ? 1n : 0n);
  const fraction = micros - seconds * 1_000_000n;
  const whole = new Date(Number(seconds) * 1_000).toISOString().slice(0, -'.000Z'.length);
  return `${whole}.${fraction.toString().padStart(6, '0')}+00:00`;
}
