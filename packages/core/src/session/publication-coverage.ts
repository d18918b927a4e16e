import type { Gap, Lsn, PublicationChange, SourceDescription } from '@colophon/protocol';

/** Knows of which tables the publication that is read no longer gives all changes, as far as this session has read of it. */
export class PublicationCoverage {
  private readonly publication: string;
  private readonly source: SourceDescription;
  /** Tables by their quoted names; null for all. */
  private readonly missing = new Set<string | null>();

  constructor(publication: string, source: SourceDescription) {
    this.publication = publication;
    this.source = source;
  }

  /** The gap that begins with a stored command, to be told; null where none does. The sink has recorded it with the command. */
  gapAt({ name, table, isWhole, approvedBy = null }: PublicationChange, commitLsn: Lsn): Gap | null {
    if (name !== this.publication) return null;
    if (isWhole) {
      this.missing.delete(table);
      return null;
    }
    if (this.missing.has(table)) return null;
    this.missing.add(table);
    const { systemIdentifier, timeline } = this.source;
    return {
      reason: 'publication-changed',
      fromLsn: commitLsn,
      toLsn: null,
      fromTimeline: timeline,
      toTimeline: null,
      fromSystemIdentifier: systemIdentifier,
      toSystemIdentifier: null,
      tables: table === null ? null : [table],
      detail:
        approvedBy === null
          ? `Publication ${name} no longer gives all changes of ${table ?? 'tables'}: run colophon init for them, unless that is meant.`
          : `Publication ${name} no longer gives changes of ${table ?? 'tables'}, as it was told to.`,
      approvedBy,
    };
  }
}
