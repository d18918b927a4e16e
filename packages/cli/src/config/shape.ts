import { nearestName } from './nearest-name.js';

/** Where a value stands in the settings: `['columns', 'ignore', 1]`. */
export type Path = readonly (string | number)[];

/** What is wrong with a value of the settings. */
export interface Problem {
  readonly path: Path;
  /** Whether the key is wrong, and not its value. */
  readonly isKey: boolean;
  /** Without the place, as a sentence. */
  readonly message: string;
}

/** What a value may be. */
export type Shape = Plain | Structure;

type Plain = 'text' | 'texts' | 'number' | 'boolean' | 'tables';

type Structure =
  /** One of these texts. */
  | { readonly choices: readonly string[] }
  /** A list of such values. */
  | { readonly list: Shape }
  /** An object with these keys and no others; each may be left out. `check` says what is wrong with it as a whole. */
  | {
      readonly keys: Readonly<Record<string, Shape>>;
      readonly check?: (value: Readonly<Record<string, unknown>>) => string | null;
    }
  /** An object with any keys. */
  | { readonly each: Shape }
  /** A text that this takes; it throws for others. */
  | { readonly read: (text: string) => unknown }
  /** An object by the second, anything else by the first. */
  | { readonly simple: Shape; readonly whole: Shape }
  /** One, or a list of them. */
  | { readonly oneOrMore: Shape };

const WANTED: Record<Plain, string> = {
  text: 'a text',
  texts: 'a list of texts',
  number: 'a number above 0',
  boolean: 'true or false',
  tables: "a list of names, or 'all'",
};

/** The first thing that is wrong; null where nothing is. No value is repeated in it, since some are secrets. */
export function problemOf(value: unknown, shape: Shape, path: Path = []): Problem | null {
  // As if it were left out.
  if (value === undefined) return null;
  if (typeof shape === 'string') return fits(value, shape) ? null : wrong(path, value, WANTED[shape]);
  if ('choices' in shape) {
    if (shape.choices.includes(value as string)) return null;
    return wrong(path, value, shape.choices.map((choice) => `'${choice}'`).join(' or '));
  }
  if ('read' in shape)
    return typeof value === 'string' ? unread(value, shape.read, path) : wrong(path, value, 'a text');
  if ('simple' in shape) return problemOf(value, isObject(value) ? shape.whole : shape.simple, path);
  if ('oneOrMore' in shape) {
    const one = shape.oneOrMore;
    return problemOf(value, Array.isArray(value) ? { list: one } : one, path);
  }
  if ('list' in shape) {
    if (!Array.isArray(value)) return wrong(path, value, 'a list');
    return first(value.map((item, at) => [item, shape.list, [...path, at]]));
  }
  if (!isObject(value)) return wrong(path, value, 'an object');
  if ('each' in shape)
    return first(Object.entries(value).map(([key, item]) => [item, shape.each, [...path, key]]));
  return ofKeys(value, shape, path);
}

function ofKeys(
  value: Readonly<Record<string, unknown>>,
  { keys, check }: Extract<Structure, { keys: unknown }>,
  path: Path,
): Problem | null {
  const unknown = Object.keys(value).find((key) => !Object.hasOwn(keys, key));
  if (unknown !== undefined) return unknownKey(unknown, Object.keys(keys), path);
  const inside = first(Object.entries(value).map(([key, item]) => [item, keys[key]!, [...path, key]]));
  if (inside !== null) return inside;
  const whole = check?.(value) ?? null;
  return whole === null
    ? null
    : { path, isKey: false, message: `${pathText(path)} is wrong, wanted ${whole}.` };
}

function first(parts: readonly (readonly [unknown, Shape, Path])[]): Problem | null {
  for (const [value, shape, path] of parts) {
    const problem = problemOf(value, shape, path);
    if (problem !== null) return problem;
  }
  return null;
}

function unknownKey(key: string, known: readonly string[], path: Path): Problem {
  const nearest = nearestName(key, known);
  const where = path.length === 0 ? '' : ` in ${pathText(path)}`;
  const hint = nearest === null ? '' : `, did you mean ${nearest}`;
  return {
    path: [...path, key],
    isKey: true,
    message: `unknown key ${JSON.stringify(key)}${where}${hint}: known are ${known.join(', ')}.`,
  };
}

function unread(text: string, read: (text: string) => unknown, path: Path): Problem | null {
  try {
    read(text);
    return null;
  } catch (error) {
    return { path, isKey: false, message: `${pathText(path)}: ${(error as Error).message}` };
  }
}

function wrong(path: Path, value: unknown, wanted: string): Problem {
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
  // Of the right type, and yet not right: its type says nothing.
  const seen = typeof value === 'string' || typeof value === 'number' ? '' : `, got ${got}`;
  return { path, isKey: false, message: `${pathText(path)} is wrong, wanted ${wanted}${seen}.` };
}

function fits(value: unknown, kind: Plain): boolean {
  const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (kind === 'text') return typeof value === 'string';
  if (kind === 'boolean') return typeof value === 'boolean';
  if (kind === 'texts') return isTexts;
  if (kind === 'number') return typeof value === 'number' && value > 0;
  return isTexts || value === 'all';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `columns.ignore[1]`, `redact.tables["public.user"].email`. */
export function pathText(path: Path): string {
  const parts = path.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  });
  return parts.join('').replace(/^\./, '');
}
