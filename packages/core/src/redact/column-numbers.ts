/** A column as today's catalog has it. */
export interface NumberedColumn {
  readonly name: string;
  /** `attnum`: a column keeps it for ever, and no other ever has it. */
  readonly number: number;
  readonly isGenerated: boolean;
}

/**
 * The numbers of a relation message's columns by name, which it doesn't tell itself; null where today's catalog no longer has these
 * columns, in this order. Those that were added since come last.
 */
export function columnNumbers(
  names: readonly string[],
  today: readonly NumberedColumn[] | undefined,
): ReadonlyMap<string, number> | null {
  const numbers = new Map<string, number>();
  let at = 0;
  for (const name of names) {
    // A generated column isn't always published.
    while (today?.[at]?.isGenerated === true && today[at]?.name !== name) at++;
    const column = today?.[at++];
    if (column?.name !== name) return null;
    numbers.set(name, column.number);
  }
  return numbers;
}
