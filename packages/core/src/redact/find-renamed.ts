/**
 * The columns that may be one which is gone, under another name. `before` and `now` are a table's columns in their order, which is that of
 * their making: a renamed column still stands after those that came before it and before those that came after it, and what is
 * added comes last. So it is among the names that are new and stand in the gap that it left; where there is none, it was dropped.
 * `names` are those of the column that is sought.
 */
export function findRenamed(
  before: readonly string[],
  now: readonly string[],
  names: ReadonlySet<string>,
): string[] {
  const known = new Set(before);
  const found = new Set<string>();
  before.forEach((name, place) => {
    if (!names.has(name)) return;
    const last = Math.max(-1, ...before.slice(0, place).map((other) => now.indexOf(other)));
    const next = before.slice(place + 1).map((other) => now.indexOf(other));
    const first = Math.min(now.length, ...next.filter((at) => at >= 0));
    for (const candidate of now.slice(last + 1, first)) {
      if (!known.has(candidate)) found.add(candidate);
    }
  });
  return [...found];
}
