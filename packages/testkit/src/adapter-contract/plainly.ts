/** Differ from run to run whoever runs. */
const VOLATILE = new Set(['stack', 'processID', 'secretKey']);
const MAX_DEPTH = 8;

/**
 * Any value as plain data that can be compared: classes by name, errors with all they carry but the stack, functions by name,
 * bytes in hex. What lies deeper than eight steps is left out.
 */
export function plainly(value: unknown, above: readonly object[] = []): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `[function ${value.name}]`;
  if (typeof value === 'symbol') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (above.includes(value)) return '[circular]';
  if (above.length === MAX_DEPTH) return '[deeper]';
  if (ArrayBuffer.isView(value))
    return `[bytes ${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}]`;
  if (value instanceof Date) return `[date ${value.toJSON()}]`;
  const path = [...above, value];
  if (Array.isArray(value)) return value.map((part) => plainly(part, path));
  const members: [string, unknown][] = [['[class]', className(value)]];
  if (value instanceof Error)
    members.push(['name', value.name], ['message', value.message], ['cause', plainly(value.cause, path)]);
  for (const key of Reflect.ownKeys(value)) {
    if (typeof key === 'symbol' || VOLATILE.has(key)) continue;
    members.push([key, plainly((value as Record<string, unknown>)[key], path)]);
  }
  return Object.fromEntries(members);
}

function className(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return 'null';
  return (prototype as { constructor?: { name?: string } }).constructor?.name ?? '';
}
