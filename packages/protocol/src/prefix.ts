/** The prefix of an emission unless another is set: `colophon`. */
export const DEFAULT_PREFIX = 'colophon';

/** The prefix of the messages by which the event triggers at the source tell what was done to the schema. Never a context. */
export const DDL_PREFIX = 'colophon.ddl';

/** The prefix of an emission that also names what came before it, back to the previous emission. */
export function trailPrefix(prefix: string): string {
  return `${prefix}.trail`;
}

/** The prefix of the messages by which a consumer finds the end of what was committed so far. Never a context. */
export function markerPrefix(prefix: string): string {
  return `${prefix}.marker`;
}

/**
 * The prefix of the messages of Bemi's triggers. One comes before each row that a statement with Bemi's comment writes, and names that row alone:
 * a statement without the comment sends none, and must not take the name of the one before.
 */
export const BEMI_PREFIX = '_bemi';
