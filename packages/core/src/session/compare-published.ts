import type { CoverageChange, SeenPublication, SeenTable, SourceDescription } from '@colophon/protocol';
import type { PublishedLook } from '../replication/published-tables.js';

/** What a look is to be remembered as, and what has changed since the last. */
export interface ComparedLook {
  readonly seen: SeenPublication;
  readonly changes: readonly CoverageChange[];
}

/**
 * Compares two looks at a publication. Pure. What is missing was given at the last look, but a commit can stand in the log
 * a while before others see it: so it is missing from the look before that on. A table that is gone, or was never given, is
 * no gap. Where event triggers told of all in between, the stream has it, and more exactly.
 */
export function comparePublished(
  source: SourceDescription,
  publication: string,
  before: SeenPublication | null,
  look: PublishedLook,
): ComparedLook {
  const { systemIdentifier, timeline } = source;
  const last =
    before?.publication === publication && before.systemIdentifier === systemIdentifier ? before : null;
  const changes: CoverageChange[] = [];
  const add = (table: string | null, isWhole: boolean, approvedBy?: string): void => {
    if (last === null || (last.isTold && look.isTold)) return;
    changes.push(
      isWhole
        ? { table, isWhole, timeline, lsn: look.afterLsn }
        : {
            table,
            isWhole,
            ...(approvedBy === undefined ? {} : { approvedBy }),
            timeline: last.timeline,
            lsn: last.earlierLsn,
          },
    );
  };
  if (last !== null && last.isWhole !== look.isWhole) add(null, look.isWhole);
  const tables: SeenTable[] = [...look.tables].map(([oid, name]) => ({ oid, name, isGiven: true }));
  for (const { oid, name, isGiven } of last?.tables ?? []) {
    const isGivenNow = look.tables.has(oid);
    if (!isGivenNow && !look.existing.has(oid)) continue;
    if (isGiven !== isGivenNow) add(name, isGivenNow, look.untracked?.get(oid));
    if (!isGivenNow) tables.push({ oid, name, isGiven: false });
  }
  tables.sort((a, b) => a.oid - b.oid);
  const seen = {
    publication,
    systemIdentifier,
    timeline,
    earlierLsn: last?.timeline === timeline ? last.lsn : look.beforeLsn,
    lsn: look.beforeLsn,
    isTold: look.isTold,
    isWhole: look.isWhole,
    tables,
  };
  return { seen, changes };
}
