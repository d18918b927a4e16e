import { ColophonError, type SourceDescription, type StoredPosition } from '@colophon/protocol';

/**
 * The position by which transactions of this source may be skipped: LSNs mean nothing on another timeline. `stored` is
 * the sink's, `remembered` this process' own, for a sink that keeps none. Throws `SOURCE_CHANGED` where the sink's is of
 * another system.
 */
export function usablePosition(
  stored: StoredPosition | null,
  remembered: StoredPosition | null,
  source: SourceDescription,
): StoredPosition | null {
  if (stored !== null && stored.systemIdentifier !== source.systemIdentifier) {
    throw new ColophonError(
      'SOURCE_CHANGED',
      `The sink holds records of system ${stored.systemIdentifier}, the source is system ${source.systemIdentifier}. Give this source a name of its own, or another store.`,
      { details: { stored: stored.systemIdentifier, source: source.systemIdentifier } },
    );
  }
  const position = stored ?? remembered;
  return position?.systemIdentifier === source.systemIdentifier && position.timeline === source.timeline
    ? position
    : null;
}
