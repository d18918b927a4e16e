import type { IdentityMode, TableWish } from '../choose-tables.js';
import type { SourceNames } from '../names.js';
import type { Provider } from '../provider/provider.js';
import type { SourceState } from '../source-state.js';
import type { Check } from './check.js';
import { commandLine, tablesFlags } from './command-line.js';
import { diagnoseClock } from './diagnose-clock.js';
import { diagnoseDdl } from './diagnose-ddl.js';
import { diagnoseFailover } from './diagnose-failover.js';
import { diagnosePublication } from './diagnose-publication.js';
import { diagnoseLimits, diagnoseRole } from './diagnose-role.js';
import {
  diagnoseRetention,
  diagnoseRoom,
  diagnoseSenderTimeout,
  diagnoseWalLevel,
} from './diagnose-settings.js';
import { diagnoseSlot } from './diagnose-slot.js';
import { diagnoseTables } from './diagnose-tables.js';
import { diagnoseTransactions } from './diagnose-transactions.js';
import { diagnoseVersion } from './diagnose-version.js';
import type { SourceHealth } from './source-health.js';

/** What the source is to be, as the settings say it. */
export interface SourceWish {
  readonly names: SourceNames;
  /** Whether DDL is to be recorded. */
  readonly ddl: boolean;
  /** Null where the settings name none. */
  readonly tables: TableWish | null;
  readonly identity: IdentityMode;
  /** More log than this, kept for a slot that is read, is worth a word; 0 for never. */
  readonly warnRetainedBytes: number;
  /** How long `init` would wait for a slot. */
  readonly timeoutMs: number;
}

/** Looks at everything in the source that auditing needs. Pure. */
export function diagnose(
  state: SourceState,
  health: SourceHealth,
  wish: SourceWish,
  provider: Provider,
): Check[] {
  const { publication, server } = state;
  const init = initCommand(state, wish);
  return [
    diagnoseVersion(server),
    diagnoseWalLevel(server, provider),
    ...diagnoseRole(state, provider),
    ...diagnoseRoom(state, provider),
    diagnoseRetention(state, provider),
    diagnoseSenderTimeout(state, health),
    diagnoseClock('source', health.clockOffsetMs, health.clockRangeMs),
    ...diagnoseLimits(state, health),
    ...diagnoseTransactions(state, health, wish.timeoutMs),
    ...diagnosePublication(state, wish.names, init),
    diagnoseDdl(state.ddl, wish.ddl, init, state.role.name, provider),
    ...(publication === null ? [] : diagnoseTables(state, publication, health, wish)),
    diagnoseSlot(state, health, { ...wish, init }),
    ...diagnoseFailover(state, wish.names, provider),
  ];
}

/** The `init` that makes what is missing, without another choice of tables than was made already. */
export function initCommand({ publication, relations }: SourceState, { names, tables }: SourceWish): string {
  // The settings name them already.
  if (tables !== null) return commandLine('init', names);
  const published = new Set(publication?.tables.map(({ oid }) => oid));
  const [first] = relations.filter(({ oid }) => published.has(oid));
  return commandLine('init', names, tablesFlags(first === undefined ? [] : [first]));
}
