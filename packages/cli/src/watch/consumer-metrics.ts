import type { Consumer, ConsumerState } from '@colophon/core';
import { type ErrorCode, GAP_REASONS } from '@colophon/protocol';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { isUntracking } from '../render/gap-text.js';
import type { NamedChanges } from './naming-count.js';
import type { SlotReading } from './slot-watch.js';

const STATES: Record<ConsumerState, true> = {
  idle: true,
  connecting: true,
  waiting: true,
  streaming: true,
  retrying: true,
  stopping: true,
  stopped: true,
  failed: true,
};
// There from the start, so that a rate sees their first increase.
const EXPECTED_ERRORS: ErrorCode[] = [
  'CONNECTION_FAILED',
  'CONNECTION_LOST',
  'SINK_FAILED',
  'SLOT_IN_USE',
  'STORE_BUSY',
  'TIMEOUT',
  'WAL_RETAINED',
];
const MAX_TABLES = 200;

/** What the consumer is called among others. */
export interface MetricLabels {
  readonly version: string;
  readonly slot: string;
  readonly publication: string;
  readonly environment: string;
}

/** The consumer's metrics, in a registry of their own; `docs/operations.md` says what each means. */
export class ConsumerMetrics {
  private readonly registry = new Registry();
  private readonly tables = new Set<string>();
  private readonly state = this.gauge('state', 'What the consumer is doing: 1 for that state, else 0', [
    'state',
  ]);
  private readonly lagBytes = this.gauge(
    'lag_bytes',
    'WAL written at the source and not handled yet: neither stored nor known to hold nothing to store',
  );
  private readonly lagSeconds = this.gauge(
    'lag_seconds',
    "Since when the source's log has what isn't acknowledged yet",
  );
  private readonly retained = this.gauge(
    'retained_wal_bytes',
    'WAL that the source keeps because of the slot',
  );
  private readonly retainedMax = this.gauge(
    'retained_wal_max_bytes',
    'max_slot_wal_keep_size: beyond it the slot may be lost; absent without a limit',
  );
  private readonly safeWal = this.gauge(
    'safe_wal_bytes',
    'WAL that may still be written before the slot may be lost; absent without a limit',
  );
  private readonly slotActive = this.gauge(
    'slot_active',
    'Whether a consumer, this one or another, reads the slot',
  );
  private readonly sourceUp = this.gauge('source_up', 'Whether the source answered when it was last asked');
  private readonly storeUp = this.gauge(
    'store_up',
    'Whether the store answered, or stored, when it was last asked',
  );
  private readonly queued = this.gauge('queued_changes', 'Changes that wait in memory for the store');
  private readonly lastStored = this.gauge(
    'last_stored_timestamp_seconds',
    'When something was last stored; absent before',
  );
  private readonly lastCommit = this.gauge(
    'last_commit_timestamp_seconds',
    "The last stored transaction's commit, by the source's clock; absent before",
  );
  private readonly transactions = this.counter('transactions_total', 'Transactions stored');
  private readonly changes = this.counter('changes_total', 'Changes stored');
  private readonly bytes = this.counter(
    'stored_bytes_total',
    'What was stored, by its weight in memory, about',
  );
  private readonly tableChanges = this.counter(
    'table_changes_total',
    `Changes stored, by table and by whether they have a context: named, unnamed or error. Beyond ${MAX_TABLES} tables: schema and table empty`,
    ['schema', 'table', 'context'],
  );
  private readonly errors = this.counter('errors_total', 'Failures and warnings, by code', ['code']);
  private readonly gaps = this.counter(
    'gaps_total',
    'Gap records made: stretches of the log that the store does not account for',
    ['reason'],
  );
  private readonly unstored = this.counter(
    'unstored_records_total',
    'Records that the store cannot hold, put aside in colophon.unstored',
  );
  private readonly ignored = this.counter(
    'ignored_changes_total',
    'Changes met that make no record, since only ignored columns changed',
  );
  private readonly unverified = this.counter(
    'unverified_contexts_total',
    'Contexts met whose signature is not right; 0 where none is asked for',
  );
  private readonly untrackedTables = this.gauge(
    'untracked_new_tables',
    'New tables that are to be tracked and are not',
  );
  private readonly reconnects = this.counter('reconnects_total', 'How often it had to connect again');
  private readonly batchChanges = new Histogram({
    name: 'colophon_batch_changes',
    help: 'Changes stored at once',
    buckets: [1, 10, 100, 1_000, 5_000, 10_000, 100_000, 1_000_000],
    registers: [this.registry],
  });
  private readonly flushSeconds = new Histogram({
    name: 'colophon_flush_seconds',
    help: 'How long the store took for what was stored at once',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers: [this.registry],
  });
  private readonly delaySeconds = new Histogram({
    name: 'colophon_commit_delay_seconds',
    help: 'From the last commit of what was stored at once to its being stored, by two clocks',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 3_600, 21_600],
    registers: [this.registry],
  });

  constructor(labels: MetricLabels) {
    this.gauge('info', 'Which consumer this is', ['version', 'slot', 'publication', 'environment'])
      .labels(labels as unknown as Record<string, string>)
      .set(1);
    for (const code of EXPECTED_ERRORS) this.errors.inc({ code }, 0);
    for (const reason of GAP_REASONS) this.gaps.inc({ reason }, 0);
    collectDefaultMetrics({ register: this.registry });
  }

  /** Follows a consumer from its making on. */
  follow(consumer: Consumer): void {
    this.tellState(consumer.status().state);
    consumer.on('state', (state) => {
      this.tellState(state);
      if (state === 'failed') this.error(consumer.status().lastError?.code ?? 'SINK_FAILED');
    });
    consumer.on('warning', ({ code }) => this.error(code));
    consumer.on('gap', (gap) => {
      // What is meant alarms nobody.
      if (!isUntracking(gap)) this.gaps.inc({ reason: gap.reason });
    });
    consumer.on('stored', (_position, { transactions, changes, bytes, durationMs }) => {
      const { lastCommittedAtMicros, lastDelayMs } = consumer.status();
      this.transactions.inc(transactions);
      this.changes.inc(changes);
      this.bytes.inc(bytes);
      this.batchChanges.observe(changes);
      this.flushSeconds.observe(durationMs / 1_000);
      this.lastStored.set(Date.now() / 1_000);
      this.storeUp.set(1);
      if (lastCommittedAtMicros !== null) this.lastCommit.set(Number(lastCommittedAtMicros) / 1e6);
      // A clock that is behind the other would make it negative.
      if (lastDelayMs !== null) this.delaySeconds.observe(Math.max(0, lastDelayMs) / 1_000);
    });
  }

  /** Something failed, or was warned of. */
  error(code: ErrorCode): void {
    this.errors.inc({ code });
  }

  /** A record was put aside. */
  putAside(): void {
    this.unstored.inc();
    this.errors.inc({ code: 'RECORD_UNSTORED' });
  }

  /** Changes were stored, of these tables. */
  named(counts: Iterable<NamedChanges>): void {
    for (const { schema, table, naming, changes } of counts) {
      const key = JSON.stringify([schema, table]);
      if (this.tables.size < MAX_TABLES) this.tables.add(key);
      const names = this.tables.has(key) ? { schema, table } : { schema: '', table: '' };
      this.tableChanges.inc({ ...names, context: naming }, changes);
    }
  }

  /** How many new tables should be tracked and aren't. */
  untracked(tables: number): void {
    this.untrackedTables.set(tables);
  }

  /** Whether the store answered. */
  store(isUp: boolean): void {
    this.storeUp.set(isUp ? 1 : 0);
  }

  /** All of them as Prometheus reads it. `reading` is what the source said just now, null where it gave no answer. */
  async text(consumer: Consumer, reading: SlotReading | null): Promise<{ type: string; body: string }> {
    const { queuedChanges, reconnects, unverified, ignoredChanges } = consumer.status();
    this.queued.set(queuedChanges);
    this.reconnects.reset();
    this.reconnects.inc(reconnects);
    this.ignored.reset();
    this.ignored.inc(ignoredChanges);
    this.unverified.reset();
    this.unverified.inc(unverified);
    this.sourceUp.set(reading === null ? 0 : 1);
    // What isn't known is left out: an old number would hide that.
    const slot = reading?.slot ?? null;
    setOrRemove(this.lagBytes, reading?.lagBytes ?? null);
    setOrRemove(this.lagSeconds, reading?.lagSeconds ?? null);
    setOrRemove(this.retained, slot?.retainedBytes ?? null);
    setOrRemove(this.retainedMax, slot?.maxRetainedBytes ?? null);
    setOrRemove(this.safeWal, slot?.safeWalBytes ?? null);
    setOrRemove(this.slotActive, reading === null ? null : slot?.isActive === true ? 1 : 0);
    return { type: this.registry.contentType, body: await this.registry.metrics() };
  }

  private tellState(state: ConsumerState): void {
    for (const known of Object.keys(STATES)) this.state.set({ state: known }, known === state ? 1 : 0);
  }

  private gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name: `colophon_${name}`, help, labelNames, registers: [this.registry] });
  }

  private counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name: `colophon_${name}`, help, labelNames, registers: [this.registry] });
  }
}

function setOrRemove(gauge: Gauge, value: number | null): void {
  if (value === null) gauge.remove();
  else gauge.set(value);
}
