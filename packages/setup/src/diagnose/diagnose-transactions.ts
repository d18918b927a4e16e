import { quoteLiteral } from '@colophon/protocol';
import type { SourceState } from '../source-state.js';
import { type Check, found, ok } from './check.js';
import { runSql } from './fix.js';
import type { SourceHealth } from './source-health.js';

/** With a slot there is no hurry: only the kept log grows. */
const PATIENCE = 10;

/**
 * Looks for transactions that have been open for long: before there is a slot for longer than `init` would wait (`waitMs`),
 * afterwards ten times that. Reading ones don't count.
 */
export function diagnoseTransactions(
  { slot, server }: SourceState,
  health: SourceHealth,
  waitMs: number,
): Check[] {
  const limitSeconds = (waitMs / 1000) * (slot === null ? 1 : PATIENCE);
  const checks: Check[] = [];
  const open = health.openTransactions.filter(({ seconds }) => seconds > limitSeconds);
  if (open.length > 0) {
    const { seconds, isIdle } = open[0]!;
    checks.push(
      found(
        'transactions.open',
        `${count(open.length, 'transaction')} with changes open for up to ${Math.round(seconds)} s${isIdle ? ', the oldest does nothing' : ''}`,
        runSql(
          open.map(({ pid }) => `SELECT pg_terminate_backend(${pid})`),
          null,
          ' (or let the application end it)',
        ),
      ),
    );
  }
  const prepared = health.preparedTransactions.filter(({ seconds }) => seconds > limitSeconds);
  if (prepared.length > 0) {
    const here = prepared.filter(({ database }) => database === server.database);
    const elsewhere = prepared.length - here.length;
    checks.push(
      found(
        'transactions.prepared',
        `${count(prepared.length, 'prepared transaction')} open for up to ${Math.round(prepared[0]!.seconds)} s${elsewhere > 0 ? `, ${elsewhere} of other databases` : ''}`,
        runSql(
          (here.length > 0 ? here : prepared).map(({ gid }) => `ROLLBACK PREPARED ${quoteLiteral(gid)}`),
          here[0]?.owner ?? null,
          ' (or COMMIT PREPARED: only its owner knows which; in the database that it is of)',
        ),
      ),
    );
  }
  return checks.length > 0 ? checks : [ok('open transactions', 'none for long')];
}

function count(number: number, what: string): string {
  return number === 1 ? `1 ${what}` : `${number} ${what}s`;
}
