import type { Lsn, StoredPosition } from '@colophon/protocol';
import type { BeginMessage, CommitMessage, LogicalMessage } from '../decode/message.js';
import type { DecodedRow } from '../decode/row-decoder.js';
import type { SignatureVerifier } from '../signature/signature-verifier.js';
import type { EmissionReader } from '../stitch/emission.js';
import type { TransactionAssembler } from '../stitch/transaction-assembler.js';
import type { DecodedHandlers } from '../stream-decoder.js';
import type { Acknowledger } from './acknowledger.js';

/** What an intake works with. */
export interface TransactionIntakeOptions {
  readonly emissions: EmissionReader;
  /** Null: no signature is asked for. */
  readonly verifier: SignatureVerifier | null;
  /** Whether the sink keeps nonces. */
  readonly keepsNonces: boolean;
  readonly assembler: TransactionAssembler;
  readonly acknowledger: Acknowledger;
  /** What the sink has already. */
  readonly stored: StoredPosition | null;
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
    this.storedEndLsn = options.stored?.endLsn ?? null;
  }

  begin(message: BeginMessage): boolean {
    const { acknowledger, assembler } = this.options;
    acknowledger.begin();
    if (this.storedEndLsn !== null && message.commitLsn < this.storedEndLsn) return false;
    this.options.verifier?.begin(message);
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
    const { assembler, acknowledger, received, verifier, keepsNonces } = this.options;
    const { endLsn, committedAtMicros } = message;
    received(endLsn);
    if (!assembler.isOpen) {
      acknowledger.commit(endLsn, false);
      return;
    }
    const nonces = verifier?.commit(endLsn) ?? null;
    const { isForSink, markers } = assembler.commit(message, nonces, keepsNonces);
    if (isForSink) this.unstored.push({ endLsn, committedAtMicros });
    acknowledger.commit(endLsn, isForSink, markers);
  }

  /** Everything up to here is stored. Gives the source's clock at the last commit among it; 0 where there was none. */
  stored(endLsn: Lsn): bigint {
    this.storedEndLsn = endLsn;
    this.options.verifier?.stored(endLsn);
    const { unstored } = this;
    let count = 0;
    while (count < unstored.length && unstored[count]!.endLsn <= endLsn) count++;
    return unstored.splice(0, count).at(-1)?.committedAtMicros ?? 0n;
  }
}
