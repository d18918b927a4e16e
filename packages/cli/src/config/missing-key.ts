import type { ColophonConfig } from '../config.js';
import { type Path, type Problem, pathText } from './shape.js';

/** The first rule that hashes where there is no key to do it with; null where all is well. */
export function missingKey({ redact, columns }: ColophonConfig): Problem | null {
  const keys = [redact?.key ?? []].flat();
  if (keys.length > 0) return null;
  const paths: Path[] = [
    ...hashedIn(redact?.context, ['redact', 'context']),
    ...Object.entries(redact?.tables ?? {}).flatMap(([table, rules]) =>
      hashedIn(rules, ['redact', 'tables', table]),
    ),
    ...(columns?.hash ?? []).map((_, at) => ['columns', 'hash', at]),
  ];
  const [path] = paths;
  if (path === undefined) return null;
  const message = `${pathText(path)} is hash, but there is no key: give redact.key.`;
  return { path, isKey: false, message };
}

function hashedIn(rules: Readonly<Record<string, unknown>> | undefined, path: Path): Path[] {
  return Object.entries(rules ?? {})
    .filter(([, rule]) => rule === 'hash' || (rule as { by?: unknown } | null)?.by === 'hash')
    .map(([key]) => [...path, key]);
}
