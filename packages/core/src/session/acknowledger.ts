import type { Lsn } from '@colophon/protocol';
import { Feedback } from '../replication/feedback.js';
import type { ReplicationStream } from '../replication/replication-stream.js';

/** Who is told what was acknowledged. */
export interface AcknowledgedHandlers {
  /** Sent to the source. */
  acknowledged(lsn: Lsn): void;
  /** A drain's marker was committed; everything up to `endLsn` is stored and acknowledged. */
  marker(token: string, endLsn: Lsn): void;
}

/** Sends what is safe to the source: when it has moved, and when the source wants a word. */
export class Acknowledger {
  private readonly stream: Pick<ReplicationStream, 'acknowledge'>;
  private readonly handlers: AcknowledgedHandlers;
  private readonly feedback: Feedback;
  private readonly markers: { token: string; endLsn: Lsn }[] = [];
  private acknowledged: Lsn | null = null;

  /** Starts from where the slot stands. */
  constructor(
    stream: Pick<ReplicationStream, 'acknowledge'>,
    confirmedLsn: Lsn,
    handlers: AcknowledgedHandlers,
  ) {
    this.stream = stream;
    this.handlers = handlers;
    this.feedback = new Feedback(confirmedLsn);
  }

  /** A transaction has begun to arrive. */
  begin(): void {
    this.feedback.begin();
  }

  /** It is whole, with the markers that were in it. `mustStore`: it is acknowledged once the sink has stored it. */
  commit(endLsn: Lsn, mustStore: boolean, markers: readonly string[] = []): void {
    for (const token of markers) this.markers.push({ token, endLsn });
    this.feedback.commit(endLsn, mustStore);
    if (!mustStore) this.settle();
  }

  /** The source says how far it has decoded, everything before it being handled. */
  keepalive(lsn: Lsn, mustReply: boolean): void {
    this.feedback.keepalive(lsn);
    // A reply to each would make the server send the next at once, without end.
    if (mustReply) this.answer();
    else this.settle();
  }

  /** The sink has stored everything up to here. */
  stored(endLsn: Lsn): void {
    this.feedback.stored(endLsn);
    this.send();
  }

  /** Answers a source that asks for a word: what is safe, moved or not. */
  answer(): void {
    this.stream.acknowledge(this.feedback.safe);
    this.tell();
  }

  /** The same unasked, in good time; with `wantsReply` the source is to answer. */
  giveSignOfLife(wantsReply: boolean): void {
    this.stream.acknowledge(this.feedback.safe, wantsReply);
  }

  /** Sends what is safe where it has moved. */
  send(): void {
    if (this.feedback.safe !== this.acknowledged) this.stream.acknowledge(this.feedback.safe);
    this.tell();
  }

  /** Where nothing waits any more; what the sink is to store is acknowledged when it is. */
  private settle(): void {
    if (this.feedback.isSettled && this.feedback.safe !== this.acknowledged) this.send();
  }

  private tell(): void {
    const { safe } = this.feedback;
    if (safe !== this.acknowledged) {
      this.acknowledged = safe;
      this.handlers.acknowledged(safe);
    }
    while (this.markers.length > 0 && this.markers[0]!.endLsn <= safe) {
      const { token, endLsn } = this.markers.shift()!;
      this.handlers.marker(token, endLsn);
    }
  }
}
