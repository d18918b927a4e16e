import { type DdlRecord, type PublicationChange, replaceUnstorable } from '@colophon/protocol';

/** A command that changed the schema, as its message says it: all of a `DdlRecord` but its place in the transaction. */
export type DdlFacts = Omit<DdlRecord, 'ordinal' | 'sequence' | 'position' | 'segment' | 'isOwnPublication'>;

// Object identities hold argument lists: longer than names, and never as long as this.
const MAX_LENGTH = 2_000;
const MAX_OID = 2 ** 32 - 1;

/**
 * Reads a message of the event triggers. Null for what they never write: somebody else may use their prefix, so nothing
 * in it may be unstorable or endless.
 */
export function parseDdl(content: Buffer): DdlFacts | null {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(replaceUnstorable(content.toString('utf8'))) as Record<string, unknown>;
  } catch {
    return null;
  }
  if (typeof fields !== 'object' || fields === null) return null;
  const command = text(fields.command);
  if (command === null) return null;
  return {
    command,
    objectType: text(fields.type),
    schema: text(fields.schema),
    identity: text(fields.identity),
    oid: oid(fields.table),
    isDrop: fields.dropped === true,
    publication: publication(fields.publication),
    role: text(fields.role),
  };
}

function publication(value: unknown): PublicationChange | null {
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Record<string, unknown>;
  const name = text(fields.name);
  if (name === null) return null;
  return { name, table: text(fields.of), isWhole: fields.whole === true, approvedBy: text(fields.approved) };
}

function text(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return null;
  // A pair of surrogates cut in two would be unstorable.
  return value.length <= MAX_LENGTH
    ? value
    : `${value.slice(0, MAX_LENGTH).replace(/[\ud800-\udbff]$/, '')}…`;
}

function oid(value: unknown): number | null {
  const isOid = typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_OID;
  return isOid ? value : null;
}
