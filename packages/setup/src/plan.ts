import { quoteIdentifier } from '@colophon/protocol';
import type { LeftOut } from './choose-tables.js';
import type { ReplicaIdentity } from './source-state.js';
import { quoteTable, type TableName } from './table-name.js';

/** One change to the source: what is run, and why. */
export interface Step {
  readonly kind: 'publication' | 'memory' | 'identity' | 'publish' | 'unpublish' | 'slot' | 'ddl' | 'track';
  /** Run as one transaction. */
  readonly sql: string;
  readonly reason: string;
  /** The table that is locked for it, if any. */
  readonly table: TableName | null;
  /** Steps of a group stand or fall together: once one of them can't get its lock, the later ones are left out. */
  readonly group: string | null;
  /** Said where the server refuses it to the role; the rest is right without it. Default: nothing is. */
  readonly ifRefused?: string;
}

/** What is to be done, in order; nothing where all is as it should be. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly leftOut: readonly LeftOut[];
  readonly notices: readonly string[];
}

/** The step that sets a table's identity. */
export function identityStep(
  table: TableName,
  identity: ReplicaIdentity,
  index: string | null,
  reason: string,
  group: string | null,
): Step {
  const form = identity === 'index' ? `USING INDEX ${quoteIdentifier(index ?? '')}` : identity.toUpperCase();
  return {
    kind: 'identity',
    sql: `ALTER TABLE ${quoteTable(table)} REPLICA IDENTITY ${form}`,
    reason,
    table,
    group,
  };
}
