/**
 * What a statement's text says about it, and so what may go out with it.
 *
 * `'read'`: its text proves that it writes no row, so nothing goes with it: queries that call only functions of
 * PostgreSQL's own that read (row locks too), SHOW, SET, RESET, LISTEN, NOTIFY, LOCK, ANALYZE, PREPARE … AS, EXPLAIN
 * without ANALYZE, COPY table TO.
 *
 * `'write'`: plain DML, which the emission leads: INSERT, UPDATE, DELETE, MERGE, TRUNCATE, COPY … FROM. And DECLARE …
 * WITH HOLD of a query that isn't a proven read: its rows are made at COMMIT, which nothing can follow.
 *
 * `'unknown'`: its text can't tell, so the emission trails it, if it turns out to have written: WITH and queries that
 * aren't proven reads, CALL, DO, EXECUTE, FETCH, MOVE, EXPLAIN ANALYZE, COPY (…) TO, CREATE TABLE AS, and DDL, whose event
 * triggers may write. All of these bear a trailing statement in the same implicit transaction, CALL and DO with a
 * COMMIT inside too (their last transaction is the one that is named).
 *
 * `'alone'`: it refuses to run in a transaction with others, in the simple protocol even with what follows; it changes
 * no rows that are decoded, so nothing goes with it: VACUUM, CLUSTER, CREATE, DROP and REINDEX … CONCURRENTLY, DETACH PARTITION
 * … CONCURRENTLY, REINDEX of a schema or database, databases, tablespaces, subscriptions, ALTER SYSTEM, DISCARD ALL.
 * Named limit: an event trigger that writes on one of these.
 *
 * `'transaction'`: it begins, ends or shapes a transaction; `effect` says how. Nothing goes with it.
 */
export type StatementKind = 'read' | 'write' | 'unknown' | 'alone' | 'transaction';

/**
 * What a `'transaction'` statement does to the transaction it runs in.
 *
 * `'begin'`: BEGIN, START TRANSACTION. `'end'`: COMMIT, END, ROLLBACK, ABORT, PREPARE TRANSACTION.
 * `'chain'`: COMMIT or ROLLBACK … AND CHAIN: the next one is open at once. `'savepoint'`, `'release'`.
 * `'rollback-to'`: may have undone an emission. `'mode'`: SET TRANSACTION, which may only come before any query.
 * COMMIT PREPARED and ROLLBACK PREPARED have none: they end another transaction than their own.
 */
export type TransactionEffect = 'begin' | 'end' | 'chain' | 'savepoint' | 'release' | 'rollback-to' | 'mode';

/** Which way a COPY goes, and whether the data pass through the connection or a file or program on the server. */
export type CopySide = 'from' | 'to' | 'from-server-file' | 'to-server-file';

/** One statement of a text. Positions count UTF-16 units, as JavaScript does. */
export interface Statement {
  readonly kind: StatementKind;
  /** Where its first token begins: after comments, white space and empty statements. */
  readonly start: number;
  /** Where its last token ends: before its semicolon and any comment. */
  readonly end: number;
  /** With kind `'transaction'`. */
  readonly effect?: TransactionEffect;
  /** With COPY. */
  readonly copy?: CopySide;
  /** Whether there is a `$1` in it, outside quotes and comments. */
  readonly hasParameters: boolean;
}

/** What `classify` found in a text. */
export interface Classified {
  /** Its statements in order; empty ones don't count, as in the server. */
  readonly statements: readonly Statement[];
  /** Whether it is exactly one. */
  readonly single: boolean;
  readonly hasParameters: boolean;
  /**
   * False where the text must not be touched: the server can only refuse it (an open quote or parenthesis, a NUL), or
   * where its statements end depends on `standard_conforming_strings`, which wasn't given.
   */
  readonly confident: boolean;
}
