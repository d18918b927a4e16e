import type { Lsn } from '@colophon/protocol';
import type { BeginMessage, CommitMessage, LogicalMessage } from '../decode/message.js';
import type { DecodedRow } from '../decode/row-decoder.js';
import type { EmissionReader } from '../stitch/emission.js';
import type { TransactionAssembler } from '../stitch/transaction-assembler.js';
import type { DecodedHandlers } from '../stream-decoder.js';
import type { Acknowledger } from './acknowledger.js';

/** What an intake works with. */
export interface TransactionIntakeOptions {
  readonly emissions: EmissionReader;
  readonly assembler: TransactionAssembler;
  readonly acknowledger: Acknowledger;
  /** Transactions whose commit starts before it are stored already; null where none are known to be. */
  readonly skipBelow: Lsn | null;
  /** Whether one at or behind that is; null where none can be. */
  readonly isStored: ((message: BeginMessage) => boolean) | null;
  /** A transaction was read to its end. */
  readonly received: (lsn: Lsn) => void;
}

/** Takes what was decoded: what is stored already is passed over, everything else is assembled into transactions. */
export class TransactionIntake implements DecodedHandlers {
  private readonly options: TransactionIntakeOptions;
  private storedEndLsn: Lsn | null;
  private unstored: { endLsn: Lsn; committedAtMicros: bigint }[] = [];

  constructor(options: TransactionIntakeOptions) {
    this.options = options;
    this.storedEndLsn = options.skipBelow;
  }

  begin(message: BeginMessage): boolean {
    const { acknowledger, assembler, isStored } = this.options;
    acknowledger.begin();
    if (this.storedEndLsn !== null && message.commitLsn < this.storedEndLsn) return false;
    if (isStored?.(message)) return false;
    assembler.begin(message);
    return true;
  }

  row(row: DecodedRow, lsn: Lsn): void {
    this.options.assembler.row(row, lsn);
  }

  skipRow(): void {
    this.options.assembler.skipRow();
  }

  message(message: LogicalMessage): void {
    const { assembler, emissions } = this.options;
    if (!assembler.isOpen) return;
    const emission = emissions.read(message);
    if (emission !== null) assembler.emission(emission);
  }

  commit(message: CommitMessage): void {
    const { assembler, acknowledger, received } = this.options;
    const { endLsn, committedAtMicros } = message;
    received(endLsn);
    if (!assembler.isOpen) {
      acknowledger.commit(endLsn, false);
      return;
    }
    const { changes, markers } = assembler.commit(message);
    if (changes > 0) this.unstored.push({ endLsn, committedAtMicros });
    acknowledger.commit(endLsn, changes > 0, markers);
  }

  /** Everything up to here is stored. Gives the source's clock at the last commit among it; 0 where there was none. */
  stored(endLsn: Lsn): bigint {
    this.storedEndLsn = endLsn;
    const { unstored } = this;
    let count = 0;
    while (count < unstored.length && unstored[count]!.endLsn <= endLsn) count++;
    return unstored.splice(0, count).at(-1)?.committedAtMicros ?? 0n;
  }
}
