/** A JSON value for people: a string without its quotes, everything else as it stands. */
export function plainValue(value: string): string {
  return value.startsWith('"') ? (JSON.parse(value) as string) : value;
}
