import { ColophonError, formatLsn, type Lsn } from '@colophon/protocol';

/** What was being read, as far as it is known. */
export interface ReadingPlace {
  readonly slot: string;
  /** The transaction that has begun to arrive; null between two, or before any. */
  readonly transaction: { readonly xid: number; readonly commitLsn: Lsn } | null;
  /** Everything before it was read. */
  readonly readTo: Lsn;
}

/** What a walsender says of a row that it can't decode or send: too large for its memory or protocol, or damaged. */
const OF_THE_LOG = /^(22|54|XX|53200)/;
const TOO_LONG = new Set(['ERR_STRING_TOO_LONG', 'ERR_BUFFER_TOO_LARGE', 'ERR_OUT_OF_RANGE']);

/**
 * An error of the stream that is one of the log itself, said with the place in the log; any other as it is. The server's
 * may pass (memory), so it is tried again; a row beyond what a JavaScript string holds (about 512 MiB) never does.
 */
export function unreadable(error: unknown, place: ReadingPlace): unknown {
  if (error instanceof ColophonError) {
    const { sqlstate } = error.details;
    if (error.details.step !== 'stream' || typeof sqlstate !== 'string' || !OF_THE_LOG.test(sqlstate))
      return error;
    return sourceUnreadable(
      `the server can't send it (${wordsOf(error.cause, sqlstate)}SQLSTATE ${sqlstate})`,
      place,
      true,
      error,
      sqlstate,
    );
  }
  const { code } = error as { code?: unknown };
  if (!(error instanceof RangeError) && !TOO_LONG.has(String(code))) return error;
  return sourceUnreadable(
    'it has a row larger than this program can read, about 512 MiB',
    place,
    false,
    error,
    null,
  );
}

/** What the server said, but for what is wrong with a value: that quotes it, or some bytes of it. */
function wordsOf(cause: unknown, sqlstate: string): string {
  return cause instanceof Error && !sqlstate.startsWith('22')
    ? `${cause.message.replace(/\s+/g, ' ')}, `
    : '';
}

function sourceUnreadable(
  why: string,
  { slot, transaction, readTo }: ReadingPlace,
  retryable: boolean,
  cause: unknown,
  sqlstate: string | null,
): ColophonError {
  const which =
    transaction === null
      ? `What follows ${formatLsn(readTo)} in the log`
      : `Transaction ${transaction.xid}, committed at ${formatLsn(transaction.commitLsn)},`;
  const target = transaction === null ? '<its end>' : formatLsn((transaction.commitLsn + 1n) as Lsn);
  return new ColophonError(
    'SOURCE_UNREADABLE',
    `${which} can't be read: ${why}. Nothing after it is stored until it can; to give it up for good, stop this and run at the source: SELECT pg_replication_slot_advance('${slot.replaceAll("'", "''")}', '${target}').`,
    {
      cause,
      retryable,
      details: { sqlstate, slot, commitLsn: transaction === null ? null : formatLsn(transaction.commitLsn) },
    },
  );
}
