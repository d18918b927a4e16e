import type { Gap, Lsn, PublicationChange, SourceDescription } from '@colophon/protocol';

/** What is told, at once, of a change by which the publication that is read gives less. The sink records it with the command. */
export function publicationGap(
  { name, table }: PublicationChange,
  commitLsn: Lsn,
  { systemIdentifier, timeline }: SourceDescription,
): Gap {
  const what = table === null ? 'tables' : table;
  return {
    reason: 'publication-changed',
    fromLsn: commitLsn,
    toLsn: null,
    fromTimeline: timeline,
    toTimeline: null,
    fromSystemIdentifier: systemIdentifier,
    toSystemIdentifier: null,
    tables: table === null ? null : [table],
    detail: `Publication ${name} no longer gives all changes of ${what}: run colophon init for them, unless that is meant.`,
    approvedBy: null,
  };
}
