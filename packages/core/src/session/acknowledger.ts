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

// A store in the source's own database writes log with each: that must stay far below what it accounts for.
const ACCOUNT_EVERY_BYTES = 2n ** 20n;
// Signs of life (10 s apart at most) after which the rest is accounted for, once: the server lets go of log only up to the last
// list of running transactions before what is acknowledged, and writes one every 15 s while there is log.
const REST_AFTER_SIGNS = 3;

/**
 * Sends what is safe to the source: when it has moved, and when the source wants a word. With a sink that keeps a ledger
 * nothing is sent that isn't accounted for there: what needs no storing waits until there is enough of it, or somebody waits.
 */
export class Acknowledger {
  private readonly stream: Pick<ReplicationStream, 'acknowledge'>;
  private readonly handlers: AcknowledgedHandlers;
  private readonly feedback: Feedback;
  private readonly markers: { token: string; endLsn: Lsn }[] = [];
  private acknowledged: Lsn | null = null;
  /** What the sink's ledger has; null where it keeps none. */
  private ledger: { accountedLsn: Lsn; onDue: () => void } | null = null;
  private mustAnswer = false;
  private readonly confirmedLsn: Lsn;
  private isHeld = false;
  /** Signs of life until the rest is due; null where it was accounted for, and nothing has moved since but by that. */
  private signsToRest: number | null = null;

  /** Starts from where the slot stands. */
  constructor(
    stream: Pick<ReplicationStream, 'acknowledge'>,
    confirmedLsn: Lsn,
    handlers: AcknowledgedHandlers,
  ) {
    this.stream = stream;
    this.handlers = handlers;
    this.confirmedLsn = confirmedLsn;
    this.feedback = new Feedback(confirmedLsn);
  }

  /** Everything before it is stored, or holds nothing to store; with a ledger it may be beyond what is acknowledged. */
  get handledLsn(): Lsn {
    return this.isHeld ? this.confirmedLsn : this.feedback.safe;
  }

  /** The sink keeps a ledger, and accounts for everything before `accountedLsn`. `onDue` is called when `takeAccount` has something. */
  keepLedger(accountedLsn: Lsn, onDue: () => void): void {
    this.ledger = { accountedLsn, onDue };
  }

  /** Nothing is acknowledged until `release`: it isn't sure yet that what is skipped is what is stored. */
  hold(): void {
    this.isHeld = true;
  }

  /** It is sure. */
  release(): void {
    this.isHeld = false;
  }

  /** How far the ledger is to be moved now, without anything to store; null where that can wait. With `isLast` nothing can. */
  takeAccount(isLast = false): Lsn | null {
    const { ledger, markers, mustAnswer } = this;
    const { safe } = this.feedback;
    if (ledger === null || this.isHeld || safe <= ledger.accountedLsn) return null;
    const isMuch = safe - ledger.accountedLsn >= ACCOUNT_EVERY_BYTES;
    const isDue = isLast || mustAnswer || isMuch || this.signsToRest === 0;
    return isDue || (markers.length > 0 && markers[0]!.endLsn <= safe) ? safe : null;
  }

  /** The ledger was moved. */
  accounted(lsn: Lsn): void {
    const passed = this.ledger === null ? 0n : lsn - this.ledger.accountedLsn;
    // Not after the rest itself: what that writes into a store in the source's database would be the next one's reason.
    if (passed >= ACCOUNT_EVERY_BYTES) this.signsToRest = REST_AFTER_SIGNS;
    else if (this.signsToRest === 0) this.signsToRest = null;
    this.account(lsn);
    if (this.mustAnswer) this.answer();
    else this.send();
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
    if (!mustReply) this.settle();
    else if (this.ledger === null || this.isHeld || this.feedback.safe <= this.ledger.accountedLsn)
      this.answer();
    else {
      // A server that is shut down asks again and again until all is acknowledged: the answer is the acknowledgement.
      this.mustAnswer = true;
      this.settle();
    }
  }

  /** The sink has stored everything up to here. */
  stored(endLsn: Lsn): void {
    this.feedback.stored(endLsn);
    this.signsToRest = REST_AFTER_SIGNS;
    this.account(endLsn);
    this.send();
    this.remind();
  }

  /** Answers a source that asks for a word: what is safe, moved or not. */
  answer(): void {
    this.mustAnswer = false;
    this.stream.acknowledge(this.sendable);
    this.tell();
  }

  /** The same unasked, in good time; with `wantsReply` the source is to answer. */
  giveSignOfLife(wantsReply: boolean): void {
    this.stream.acknowledge(this.sendable, wantsReply);
    if (this.signsToRest === null || this.signsToRest === 0) return;
    this.signsToRest--;
    this.remind();
  }

  /** Sends what is safe where it has moved. */
  send(): void {
    if (this.sendable !== this.acknowledged) this.stream.acknowledge(this.sendable);
    this.tell();
  }

  /** Where nothing waits any more; what the sink is to store is acknowledged when it is. */
  private settle(): void {
    if (this.feedback.isSettled && this.sendable !== this.acknowledged) this.send();
    this.remind();
  }

  private get sendable(): Lsn {
    const { safe } = this.feedback;
    if (this.isHeld) return this.confirmedLsn;
    return this.ledger === null || safe < this.ledger.accountedLsn ? safe : this.ledger.accountedLsn;
  }

  private account(lsn: Lsn): void {
    if (this.ledger !== null && lsn > this.ledger.accountedLsn) this.ledger.accountedLsn = lsn;
  }

  private remind(): void {
    if (this.takeAccount() !== null) this.ledger?.onDue();
  }

  private tell(): void {
    const safe = this.sendable;
    if (safe === this.feedback.safe) this.mustAnswer = false;
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
