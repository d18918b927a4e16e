import type { Consumer } from '@colophon/core';
import type { Sink } from '@colophon/protocol';
import type { CountingSink } from '../counting-sink.js';
import { visible } from '../render/display-text.js';
import { type Settings, sourceUrl, storeUrl } from '../settings.js';
import type { Terminal } from '../terminal.js';
import { ConsumerMetrics } from './consumer-metrics.js';
import { type Health, Pulse, readiness } from './health.js';
import { meteredSink } from './metered-sink.js';
import { NewTablesWatch } from './new-tables-watch.js';
import { RetainedWarning } from './retained-warning.js';
import { type SlotReading, SlotWatch } from './slot-watch.js';
import { StoreProbe } from './store-probe.js';
import { json, WatchServer } from './watch-server.js';

/** What is watched, and how it is told. */
export interface WatchOptions {
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly version: string;
  /** Whether audit records go to the store. */
  readonly hasStore: boolean;
}

const LOOK_EVERY_MS = 5_000;
const NEW_TABLES_EVERY_MS = 5_000;
const FRESH_STORE_MS = 10_000;

/**
 * Watches one run: warns of retained WAL, and serves `/healthz`, `/readyz` and `/metrics` where `--listen` asks for it.
 * Without it nothing is counted, and only the slot is looked at.
 */
export class RunWatch {
  private readonly options: WatchOptions;
  private readonly server: WatchServer | null;
  private readonly metrics: ConsumerMetrics | null;
  private readonly pulse = new Pulse();
  private readonly probe: StoreProbe | null;
  private slotWatch: SlotWatch | undefined;
  private newTables: NewTablesWatch | undefined;
  private timer: NodeJS.Timeout | undefined;
  private storedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: WatchOptions, server: WatchServer | null) {
    const { slot, publication, environment } = options.settings;
    this.options = options;
    this.server = server;
    this.metrics =
      server === null
        ? null
        : new ConsumerMetrics({ version: options.version, slot, publication, environment });
    this.probe = server !== null && options.hasStore ? new StoreProbe(storeUrl(options.settings)) : null;
  }

  /** Listens before anything else is begun. Throws `LISTEN_FAILED`. */
  static async begin(options: WatchOptions): Promise<RunWatch> {
    const { listen } = options.settings;
    return new RunWatch(options, listen === null ? null : await WatchServer.listen(listen));
  }

  /** The sink, counted where somebody asks. */
  metered(sink: Sink): Sink {
    const { metrics } = this;
    return metrics === null ? sink : meteredSink(sink, (counts) => metrics.named(counts));
  }

  /** A record was put aside in `colophon.unstored`. */
  putAside(): void {
    this.metrics?.putAside();
  }

  /** Watches from now on. */
  follow(consumer: Consumer, sink: CountingSink): void {
    const { settings, terminal } = this.options;
    const { slot, warnRetainedBytes, listen } = settings;
    const warning = new RetainedWarning(slot, warnRetainedBytes);
    this.slotWatch = new SlotWatch({
      url: sourceUrl(settings),
      slot,
      everyMs: LOOK_EVERY_MS,
      handledLsn: () => consumer.status().handledLsn,
      onReading: (reading) => {
        const told = reading.slot === null ? null : warning.look(reading.slot, consumer.status());
        if (told === null) return;
        this.metrics?.error(told.code);
        const { retainedBytes = 0, lagBytes = null } = reading.slot as {
          retainedBytes: number;
          lagBytes: number;
        };
        terminal.talk(told.message, { level: 'warn', code: told.code, slot, retainedBytes, lagBytes });
      },
    });
    this.newTables = new NewTablesWatch({
      url: sourceUrl(settings),
      names: { slot, publication: settings.publication },
      everyMs: NEW_TABLES_EVERY_MS,
      onTracked: (tables) =>
        terminal.talk(`New tables are tracked: ${tables.map(visible).join(', ')}.`, { slot }),
      onUntracked: (table, reason) =>
        terminal.talk(`New table ${visible(table)} isn't tracked: ${visible(reason)}`, {
          level: 'warn',
          slot,
        }),
      onLooked: (untracked) => this.metrics?.untracked(untracked),
      onFailure: ({ code, message }) =>
        terminal.talk(`New tables could not be tracked: ${visible(message)}`, { level: 'warn', code, slot }),
    });
    // Not at once: a source that can't be reached is told of by the consumer alone.
    consumer.on('state', (state) => {
      if (state !== 'connecting') this.slotWatch?.start();
      if (state === 'streaming') this.newTables?.start();
    });
    if (this.server === null) return;
    this.metrics?.follow(consumer);
    consumer.on('stored', () => {
      this.storedAtMs = performance.now();
    });
    const beat = (): void => this.pulse.look(consumer.status(), sink.written, performance.now());
    this.timer = setInterval(beat, LOOK_EVERY_MS);
    beat();
    this.server.serve({
      '/healthz': async () => this.health(this.pulse.health(consumer.status(), performance.now())),
      '/readyz': async () => this.health(readiness(consumer.status(), await this.storeFailure(consumer))),
      '/metrics': async () => this.exposition(consumer),
    });
    const { host, port } = listen!;
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    terminal.talk(`Serving /healthz, /readyz and /metrics on http://${address}.`, { address });
  }

  /** Ends all of it; safe to call twice. */
  end(): void {
    clearInterval(this.timer);
    this.slotWatch?.end();
    this.newTables?.end();
    this.probe?.end();
    this.server?.end();
  }

  private health({ isWell, state, code, reason }: Health): ReturnType<typeof json> {
    const { slot } = this.options.settings;
    const told = isWell ? {} : { code, reason: this.options.terminal.clean(reason ?? '') };
    return json(isWell ? 200 : 503, { ok: isWell, state, slot, ...told });
  }

  /** What was stored a moment ago can be stored to. */
  private async storeFailure(consumer: Consumer): ReturnType<StoreProbe['failure']> {
    const hasJustStored = performance.now() - this.storedAtMs < FRESH_STORE_MS;
    if (this.probe === null || (hasJustStored && consumer.status().state === 'streaming')) return null;
    const failure = await this.probe.failure();
    this.metrics?.store(failure === null);
    return failure;
  }

  private async exposition(consumer: Consumer): Promise<ReturnType<typeof json>> {
    const [reading] = await Promise.all([this.slotWatch?.look() ?? null, this.storeFailure(consumer)]);
    const { type, body } = await this.metrics!.text(consumer, reading as SlotReading | null);
    return { status: 200, type, body };
  }
}
