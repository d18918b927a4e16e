import { type Check, displayTable, found, inWords, ok } from '@colophon/setup';
import type { ContextShare } from '@colophon/store';

const NAMED_TABLES = 5;

/** Whether contexts arrive, and for every table. Pure. */
export function diagnoseContext(shares: readonly ContextShare[]): Check {
  const total = sum(shares.map(({ changes }) => changes));
  if (total === 0) return ok('context', 'no change was stored in the last day');
  const named = sum(shares.map((share) => share.named));
  const share = `${named} of the latest ${total} changes have a context`;
  if (named === 0) {
    return found(
      'context.none',
      share,
      inWords('let the application use @colophon/pg and a middleware that sets the context'),
    );
  }
  const nameless = shares.filter((one) => one.named === 0);
  if (nameless.length === 0) return ok('context', share);
  const names = nameless.map((one) => displayTable({ schema: one.schema, name: one.table }));
  const list = names.slice(0, NAMED_TABLES).join(', ');
  const more = names.length - NAMED_TABLES;
  return found(
    'context.tables',
    `${share}; none of ${list}${more > 0 ? ` and ${more} more` : ''}`,
    inWords(
      'let whatever writes these tables (another service, a job, a trigger beside a context) use @colophon/pg with a context',
    ),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
