import type { Lsn } from './lsn.js';

/** A table that a publication gave all changes of when it was looked at, or earlier. */
export interface SeenTable {
  readonly oid: number;
  /** With its schema, quoted where needed, as it was called while it was given. */
  readonly name: string;
  /** Whether all its changes are given. */
  readonly isGiven: boolean;
}

/** A publication as the source's catalog showed it: by this a later look knows what it no longer gives. */
export interface SeenPublication {
  readonly publication: string;
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** The source's log reached this far at the look before; whatever was given until then was given up to here. */
  readonly earlierLsn: Lsn;
  /** … and this far at this look. */
  readonly lsn: Lsn;
  /** Whether event triggers tell of what is done to it: more exactly than looks do. */
  readonly isTold: boolean;
  /** Whether all operations are published. */
  readonly isWhole: boolean;
  readonly tables: readonly SeenTable[];
}

/** What a publication stopped to give between two looks, or gives again. */
export interface CoverageChange {
  /** The table; null for all. */
  readonly table: string | null;
  /** Whether all its changes are given from here on. */
  readonly isWhole: boolean;
  /** Who says that it is meant; null or absent where nobody does. */
  readonly approvedBy?: string | null;
  readonly timeline: number;
  /** At the latest from here on it was missing; at the earliest from here on all is given again. */
  readonly lsn: Lsn;
}
