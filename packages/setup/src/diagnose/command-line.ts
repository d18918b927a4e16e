import type { SourceNames } from '../names.js';
import type { TableName } from '../table-name.js';

const DEFAULT_NAME = 'colophon';

/** A command of Colophon's for this slot and publication: `init`, `drop`, with flags. Ready to be pasted. */
export function commandLine(command: string, names: SourceNames, flags: readonly string[] = []): string {
  const own = [
    ...(names.slot === DEFAULT_NAME ? [] : ['--slot', names.slot]),
    ...(names.publication === DEFAULT_NAME ? [] : ['--publication', names.publication]),
  ];
  return ['colophon', command, ...own, ...flags].map(shellWord).join(' ');
}

/** The command that gives a role what `run` needs. */
export function consumerCommand(role: string): string {
  return ['colophon', 'role', 'consumer', '--role-name', role].map(shellWord).join(' ');
}

/** `--tables` with these; `--all-tables` without any. */
export function tablesFlags(tables: readonly TableName[]): string[] {
  if (tables.length === 0) return ['--all-tables'];
  return ['--tables', tables.map(tableWord).join(',')];
}

/** The name as `--tables` takes it. */
export function tableWord({ schema, name }: TableName): string {
  const part = (text: string): string => (/[.,"\s]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return schema === 'public' ? part(name) : `${part(schema)}.${part(name)}`;
}

/** The text as one word of a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w.,:/@=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
