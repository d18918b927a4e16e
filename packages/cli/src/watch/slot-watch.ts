import type { Lsn } from '@colophon/protocol';
import { type Connection, connect, Deadline, inspectSlot, type SlotState } from '@colophon/setup';
import { LagClock } from './lag-clock.js';

/** What the source said of the slot. */
export interface SlotReading {
  /** Null where it has none. */
  readonly slot: SlotState | null;
  /** WAL that is neither stored nor known to hold nothing to store; null without a slot. */
  readonly lagBytes: number | null;
  /** Its age; null without a slot. */
  readonly lagSeconds: number | null;
}

/** What a watch works with. */
export interface SlotWatchOptions {
  readonly url: string;
  readonly slot: string;
  /** How far this process has come, which may be beyond what is acknowledged. */
  readonly handledLsn: () => Lsn;
  /** How often to look. */
  readonly everyMs: number;
  /** Told what each look has seen. */
  readonly onReading: (reading: SlotReading) => void;
}

const LOOK_TIMEOUT_MS = 3_000;

/**
 * Looks at the slot now and then, on a connection of its own, whatever the consumer is doing: while it waits or tries again,
 * the log that the source keeps grows all the same. A source that doesn't answer is the consumer's to report.
 */
export class SlotWatch {
  private readonly options: SlotWatchOptions;
  private readonly clock = new LagClock();
  private timer: NodeJS.Timeout | undefined;
  private connection: Connection | null = null;
  private deadline = new Deadline(LOOK_TIMEOUT_MS);
  private looking: Promise<SlotReading | null> | null = null;
  private isEnded = false;

  constructor(options: SlotWatchOptions) {
    this.options = options;
  }

  /** Looks from now on. Safe to call twice. */
  start(): void {
    if (this.isEnded) return;
    this.timer ??= setInterval(() => void this.look(), this.options.everyMs);
  }

  /** Looks once, now; null where the source gives no answer in time. Never rejects. */
  look(): Promise<SlotReading | null> {
    this.looking ??= this.read().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  /** Looks no more; safe to call twice. */
  end(): void {
    this.isEnded = true;
    clearInterval(this.timer);
    this.disconnect();
  }

  private async read(): Promise<SlotReading | null> {
    if (this.isEnded) return null;
    const { url, slot: name, onReading } = this.options;
    try {
      this.deadline.renew();
      const { deadline } = this;
      this.connection ??= await connect({ url, role: 'source', deadline });
      const slot = await inspectSlot(this.connection, name);
      const reading = { slot, ...this.lag(slot) };
      if (!this.isEnded) onReading(reading);
      return reading;
    } catch {
      this.disconnect();
      return null;
    } finally {
      if (this.isEnded) this.disconnect();
    }
  }

  private lag(slot: SlotState | null): Pick<SlotReading, 'lagBytes' | 'lagSeconds'> {
    const confirmed = slot?.confirmedFlushLsn ?? null;
    if (slot === null || confirmed === null) return { lagBytes: null, lagSeconds: null };
    const { walEndLsn } = slot;
    const handled = this.options.handledLsn();
    // Beyond the end of the log: of another server, before a failover.
    const lsn = handled > confirmed && handled <= walEndLsn ? handled : confirmed;
    return {
      lagBytes: Number(walEndLsn - lsn),
      lagSeconds: this.clock.look(walEndLsn, lsn, performance.now()),
    };
  }

  private disconnect(): void {
    void this.connection?.close();
    this.connection = null;
  }
}
