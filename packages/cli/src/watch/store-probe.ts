import { ColophonError } from '@colophon/protocol';
import { type Connection, connect, Deadline } from '@colophon/setup';

const FRESH_MS = 2_000;
const PROBE_TIMEOUT_MS = 3_000;

/** Whether the store can be written to, asked on a connection of its own, and not more often than every two seconds. */
export class StoreProbe {
  private readonly url: string;
  private readonly deadline = new Deadline(PROBE_TIMEOUT_MS);
  private connection: Connection | null = null;
  private asking: Promise<ColophonError | null> | null = null;
  private last: { readonly atMs: number; readonly failure: ColophonError | null } | null = null;

  constructor(url: string) {
    this.url = url;
  }

  /** What is wrong with it; null where it is well. Never rejects. */
  failure(): Promise<ColophonError | null> {
    if (this.last !== null && performance.now() - this.last.atMs < FRESH_MS) {
      return Promise.resolve(this.last.failure);
    }
    this.asking ??= this.ask().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  /** Safe to call twice. */
  end(): void {
    void this.connection?.close();
    this.connection = null;
  }

  private async ask(): Promise<ColophonError | null> {
    let failure: ColophonError | null;
    try {
      this.deadline.renew();
      this.connection ??= await connect({ url: this.url, role: 'store', deadline: this.deadline });
      const [row] = await this.connection.query<{ read_only: boolean }>(
        "SELECT current_setting('transaction_read_only')::bool AS read_only",
      );
      failure = row!.read_only ? readOnly() : null;
    } catch (error) {
      this.end();
      failure = error instanceof ColophonError ? error : unreachable(error);
    }
    this.last = { atMs: performance.now(), failure };
    return failure;
  }
}

function readOnly(): ColophonError {
  return new ColophonError(
    'SINK_FAILED',
    'The store is read-only, wanted one that can be written: give the URL of its primary, or look at default_transaction_read_only.',
    { retryable: true },
  );
}

function unreachable(error: unknown): ColophonError {
  return new ColophonError('CONNECTION_FAILED', 'The store gave no answer: check that it runs.', {
    cause: error,
    retryable: true,
  });
}
