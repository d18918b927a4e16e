/** The one of the names that is a slip of the pen away from this one; null where none is. */
export function nearestName(name: string, names: readonly string[]): string | null {
  const measured = names.map((other) => ({
    other,
    distance: distance(name.toLowerCase(), other.toLowerCase()),
  }));
  const [best] = measured.sort((a, b) => a.distance - b.distance);
  if (best === undefined) return null;
  // Two letters that changed places are two of them.
  const most = best.other.length <= 3 ? 1 : Math.max(2, Math.floor(best.other.length / 3));
  return best.distance <= most ? best.other : null;
}

/** How many characters must be added, taken away or replaced to make one of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, replaced));
    }
    row = next;
  }
  return row.at(-1)!;
}
