import { type Step, WITHOUT_TRACKING } from '@colophon/setup';
import type { StoreScript } from '@colophon/store';
import { visible } from './render/display-text.js';
import type { Terminal } from './terminal.js';

/** More of a statement isn't shown: what is remembered of ten thousand tables is a megabyte. */
const MAX_SHOWN = 20_000;
/** Steps that are one transaction though they are several statements. */
const TOGETHER: readonly Step['kind'][] = ['publication', 'ddl', 'track', 'unpublish'];

/** Shows every statement that is going to be run, before it is. */
export function preview(
  terminal: Terminal,
  store: StoreScript | null,
  steps: readonly Step[],
  database: string,
): void {
  const { bold } = terminal.talkColors;
  if (store !== null && store.sql !== '') {
    terminal.talk(
      bold(`In the store: schema colophon, ${versions(store)} (--print-sql has the whole text).`),
    );
  }
  if (steps.length > 0) terminal.talk(bold(`At the source, in database ${visible(database)}:`));
  for (const step of steps) {
    const shown =
      step.sql.length > MAX_SHOWN ? `${step.sql.slice(0, MAX_SHOWN)} … (--print-sql has all)` : step.sql;
    for (const line of shown.split('\n')) terminal.talk(`  ${visible(line)}`);
  }
}

function versions({ from, to }: StoreScript): string {
  return from === to
    ? `version ${to}, gets its owner`
    : from === 0
      ? `version ${to}`
      : `version ${from} becomes ${to}`;
}

/**
 * The whole as a script for psql: the store, then the source, each step as `init` runs it. Where they are in different
 * databases it connects from one to the other.
 */
export function sqlScript(
  store: StoreScript,
  steps: readonly Step[],
  places: { readonly store: string; readonly source: string },
): string {
  const isElsewhere = places.store !== places.source;
  const parts: string[] = ['-- Run by psql -v ON_ERROR_STOP=1, as a role that may do all of this.\n'];
  if (store.sql !== '') {
    parts.push(`-- The store: schema colophon, ${versions(store)}\n`);
    if (isElsewhere) parts.push(`\\connect -reuse-previous=on "${places.store}"\n`);
    parts.push(store.sql);
  }
  if (steps.length > 0) {
    parts.push('-- The source\n');
    if (isElsewhere) parts.push(`\\connect -reuse-previous=on "${places.source}"\n`);
    parts.push(`${WITHOUT_TRACKING};\n`, ...steps.map(stepSql));
  }
  if (parts.length === 1) parts.push('-- Nothing has to be changed.\n');
  return parts.join('');
}

function stepSql(step: Step): string {
  // As the command waits: a table's lock for a moment, and for the slot until open transactions have ended.
  const wait = `SET lock_timeout = ${step.kind === 'slot' ? 0 : "'1s'"};\n`;
  return `${wait}${sqlOf(step)}`;
}

/** A step as text that can be run anywhere. */
export function sqlOf({ kind, sql }: Step): string {
  return TOGETHER.includes(kind) && /;/.test(sql) ? `BEGIN;\n${sql};\nCOMMIT;\n` : `${sql};\n`;
}
