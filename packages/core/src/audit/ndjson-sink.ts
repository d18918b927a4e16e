import { ColophonError, type Sink } from '@colophon/protocol';
import type { SpoolOptions } from '../spool/change-spool.js';
import { transactionSink } from './transaction-sink.js';

const CHUNK_SIZE = 2 ** 16;

/**
 * A sink that writes one line of JSON a change, with the columns of `colophon.changes` (`seq` and `created_at`, which only
 * a store can give, are null) and every digit as it was. It waits where the writable is slow. A transaction's lines may
 * come again after a failure; `id` tells. The writable is not ended; where it fails or closes, `run` rejects with `SINK_FAILED`.
 */
export function ndjsonSink(writable: NodeJS.WritableStream, options: SpoolOptions = {}): Sink {
  let broken: Error | null = null;
  // An output that nobody listens to for errors would end the process.
  writable.on('error', (error: Error) => {
    broken ??= error;
  });
  writable.on('close', () => {
    broken ??= new Error('it was closed');
  });

  const write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const fail = () => reject(outputFailed(broken));
      if (broken !== null) return fail();
      const onClose = () => fail();
      writable.once('close', onClose);
      // Called when the system has it: that is slower than `drain`, and all that a pipe can promise.
      writable.write(text, (error?: Error | null) => {
        writable.removeListener('close', onClose);
        if (error) {
          broken ??= error;
          fail();
        } else {
          resolve();
        }
      });
    });

  return transactionSink(async (transaction) => {
    let chunk = '';
    for await (const record of transaction.changes) {
      chunk += `${record.toJsonText()}\n`;
      if (chunk.length < CHUNK_SIZE) continue;
      await write(chunk);
      chunk = '';
    }
    if (chunk !== '') await write(chunk);
  }, options);
}

function outputFailed(cause: Error | null): ColophonError {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return new ColophonError(
    'SINK_FAILED',
    `Cannot write to the output: ${code ?? 'it was closed'}. Start again with an output that stays open; what was not written comes again.`,
    { cause },
  );
}
