import type { Lsn } from './lsn.js';

/** What a command did to a publication, or to a table of one. */
export interface PublicationChange {
  readonly name: string;
  /** The table, with its schema, quoted where needed; null where it is all of them. */
  readonly table: string | null;
  /** Whether every change is published from here on. */
  readonly isWhole: boolean;
  /** Who says that it is meant: `colophon tables untrack as admin`. Null or absent where nobody does. */
  readonly approvedBy?: string | null;
}

/** A command that changed the schema (or a publication), as the source's event trigger told it inside its transaction. */
export interface DdlRecord {
  /** PostgreSQL's command tag: `ALTER TABLE`. */
  readonly command: string;
  /** What was made, altered or dropped: `table`, `table column`, `index`, `publication relation`; of a GRANT `TABLE`. */
  readonly objectType: string | null;
  /** The object's schema; null for what is in none, and for a GRANT. */
  readonly schema: string | null;
  /** The object as PostgreSQL names it, quoted where needed: `public.todo`, `public.todo.title`; null for a GRANT. */
  readonly identity: string | null;
  /** `pg_class.oid` of the table that it is about, where it is about one. */
  readonly oid: number | null;
  /** Whether the object is gone. */
  readonly isDrop: boolean;
  /** What it did to a publication; null where it did nothing to one. */
  readonly publication: PublicationChange | null;
  /** Who had logged in: `session_user`. */
  readonly role: string | null;
  /** Its place among the commands of its transaction, from 0. */
  readonly ordinal: number;
  /** Its place among the transaction's rows: the `sequence` of the row that follows it. */
  readonly sequence: number;
  /** The message's own LSN. */
  readonly position: Lsn;
  /** Whether the publication is the one that is read: what it no longer gives is a gap. */
  readonly isOwnPublication: boolean;
  /** Index into the transaction's `contexts`. */
  readonly segment: number;
}
