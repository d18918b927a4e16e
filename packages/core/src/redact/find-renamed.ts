/**
 * The columns that may be one with a rule, beside those that have a name of its. `before` and `now` are a table's columns in their order,
 * which is that of their making: a renamed column still stands after those that came before it and before those that came
 * after it, and what is added comes last. `names` are those that the column has had.
 *
 * Where none of its names is there, it is among the new ones in the gap that it left; where that is empty, it was dropped. Where one
 * is there, another column may have it: then it was renamed itself, to what stands before that one, or behind it where an earlier one
 * took its name.
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
    const earlier = before.slice(0, place).map((other) => now.indexOf(other));
    const later = before.slice(place + 1).map((other) => now.indexOf(other));
    const present = now.indexOf(name);
    const candidates =
      present < 0 ? gap(now, earlier, later, known) : besides(now, present, earlier, later, known);
    for (const candidate of candidates) if (!names.has(candidate)) found.add(candidate);
  });
  return [...found];
}

/** What is new between the last of the earlier ones and the first of the later ones. */
function gap(
  now: readonly string[],
  earlier: readonly number[],
  later: readonly number[],
  known: ReadonlySet<string>,
): readonly string[] {
  const last = Math.max(-1, ...earlier);
  const first = Math.min(now.length, ...later.filter((at) => at >= 0));
  // They have changed names among themselves: nothing can be said.
  if (last >= first) return now;
  return now.slice(last + 1, first).filter((name) => !known.has(name));
}

/** What it may be, though one at `present` has its name. */
function besides(
  now: readonly string[],
  present: number,
  earlier: readonly number[],
  later: readonly number[],
  known: ReadonlySet<string>,
): readonly string[] {
  const there = later.filter((at) => at >= 0);
  const last = Math.max(-1, ...earlier.filter((at) => at < present));
  const first = Math.min(present, ...there);
  // What is added comes last: so the one that has the name was added, or was a later one.
  const taken = last < first ? now.slice(last + 1, first).filter((name) => !known.has(name)) : [];
  const swapped = [...earlier.filter((at) => at > present), ...there.filter((at) => at < present)];
  const end = Math.min(now.length, ...there.filter((at) => at > present));
  // An earlier one that is gone may have it.
  const behind = earlier.includes(-1) ? now.slice(present + 1, end).filter((name) => !known.has(name)) : [];
  return [...taken, ...behind, ...(taken.length > 0 ? [] : swapped.map((at) => now[at]!))];
}
