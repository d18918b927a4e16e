/** A timestamptz column, `r.committed_at`, selected under its own name as ISO 8601 text with microseconds. */
export function timeColumn(column: string): string {
  return `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS ${column.slice(2)}`;
}
