/** One row of the comparison that isn't as the oracle says. */
export interface Difference {
  readonly kind: string;
  readonly xid: string;
  readonly sequence: number;
  readonly name: string;
  readonly operation: string;
  readonly expected_context: unknown;
  readonly stored_context: unknown;
  readonly expected_facts: Readonly<Record<string, unknown>>;
  readonly stored_facts: Readonly<Record<string, unknown>>;
}

/** A difference as one line that says where it is and what differs, not what is alike. */
export function describeDifference(difference: Difference): string {
  const where = `${difference.kind}: transaction ${difference.xid}, change ${difference.sequence}, ${difference.operation} ${difference.name}`;
  if (difference.kind === 'wrong context') {
    return `${where}: ${versus(difference.expected_context, difference.stored_context)}`;
  }
  if (difference.kind === 'wrong value') {
    const parts = Object.keys(difference.expected_facts).flatMap((fact) =>
      describeFact(fact, difference.expected_facts[fact], difference.stored_facts[fact]),
    );
    return `${where}: ${parts.slice(0, 8).join('; ')}`;
  }
  return where;
}

function describeFact(fact: string, expected: unknown, stored: unknown): string[] {
  if (JSON.stringify(expected) === JSON.stringify(stored)) return [];
  if (!isObject(expected) || !isObject(stored)) return [`${fact} ${versus(expected, stored)}`];
  const columns = new Set([...Object.keys(expected), ...Object.keys(stored)]);
  return [...columns].flatMap((column) =>
    describeFact(`${fact}.${column}`, expected[column], stored[column]),
  );
}

function versus(expected: unknown, stored: unknown): string {
  return `expected ${shorten(expected)}, stored ${shorten(stored)}`;
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 160 ? text : `${text.slice(0, 140)}… (${text.length} characters)`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
