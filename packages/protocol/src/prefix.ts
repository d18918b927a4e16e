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
