import type { WireShape } from './emission-shape.js';
import { type EmissionForm, emissionSql } from './emission-sql.js';
import type { Emission } from './transaction-state.js';

/** A portal of ours that is bound before the application's statement and run after it. */
const PORTAL = 'colophon';
const NO_PORTAL = '';
/** Type text, so that the server needn't find it out. */
const TEXT_OID = 25;

/** What of an emission to send. */
export interface MessageParts {
  parse: boolean;
  bind: boolean;
  execute: boolean;
  /** Whether it is bound to a portal of its own, to be run later. */
  ownPortal: boolean;
}

const EMPTY = Buffer.alloc(0);

/** Parse, Bind and Execute of an emission, as far as asked for, in one piece. https://www.postgresql.org/docs/current/protocol-message-formats.html */
export function emissionMessages(
  emission: Emission,
  shape: WireShape,
  form: EmissionForm,
  parts: MessageParts,
): Buffer {
  const execute = parts.ownPortal ? EXECUTE_OWN : EXECUTE;
  if (!parts.bind) return execute;
  const parse = parts.parse ? parseMessage(form, emission) : EMPTY;
  const name = form === 'named' ? statementName(emission) : '';
  const portal = parts.ownPortal ? PORTAL : NO_PORTAL;
  const end = parts.execute ? execute : EMPTY;
  return bindBetween(parse, portal, name, shape.prefixOf(emission), shape.contentOf(emission), end);
}

/** The name of our prepared statement; never used where a pooler could lose it. */
export function statementName(emission: Emission): string {
  return emission.onlyIfAssigned ? 'colophon_if_assigned' : 'colophon';
}

const parses: Record<EmissionForm, { always?: Buffer; ifAssigned?: Buffer }> = {
  asking: {},
  plain: {},
  named: {},
};

function parseMessage(form: EmissionForm, emission: Emission): Buffer {
  const key = emission.onlyIfAssigned ? 'ifAssigned' : 'always';
  return (parses[form][key] ??= createParse(
    form === 'named' ? statementName(emission) : '',
    emissionSql(form, emission.onlyIfAssigned),
  ));
}

function createParse(name: string, sql: string): Buffer {
  const message = Buffer.alloc(1 + 4 + name.length + 1 + sql.length + 1 + 2 + 8);
  let at = message.writeUInt8('P'.charCodeAt(0), 0);
  at = message.writeUInt32BE(message.length - 1, at);
  at += message.write(name, at, 'latin1') + 1;
  at += message.write(sql, at, 'latin1') + 1;
  at = message.writeUInt16BE(2, at);
  at = message.writeUInt32BE(TEXT_OID, at);
  message.writeUInt32BE(TEXT_OID, at);
  return message;
}

/** A Bind between two other messages, in one allocation. The content is ASCII; the prefix may be anything. */
function bindBetween(
  first: Buffer,
  portal: string,
  name: string,
  prefix: string,
  content: string,
  last: Buffer,
): Buffer {
  const prefixLength = Buffer.byteLength(prefix);
  const length = 4 + portal.length + 1 + name.length + 1 + 2 + 2 + 4 + prefixLength + 4 + content.length + 2;
  const message = Buffer.allocUnsafe(first.length + 1 + length + last.length);
  if (first.length > 0) message.set(first, 0);
  let at = message.writeUInt8(0x42, first.length);
  at = message.writeUInt32BE(length, at);
  at += message.write(portal, at, 'latin1');
  message[at++] = 0;
  at += message.write(name, at, 'latin1');
  message[at++] = 0;
  // No format codes: text; then two values.
  at = message.writeUInt32BE(2, at);
  at = message.writeUInt32BE(prefixLength, at);
  at += message.write(prefix, at, 'utf8');
  at = message.writeUInt32BE(content.length, at);
  at += message.write(content, at, 'latin1');
  at = message.writeUInt16BE(0, at);
  if (last.length > 0) message.set(last, at);
  return message;
}

function executeMessage(portal: string): Buffer {
  const message = Buffer.alloc(1 + 4 + portal.length + 1 + 4);
  message.writeUInt8('E'.charCodeAt(0), 0);
  message.writeUInt32BE(message.length - 1, 1);
  message.write(portal, 5, 'latin1');
  return message;
}

const EXECUTE = executeMessage(NO_PORTAL);
const EXECUTE_OWN = executeMessage(PORTAL);

/** Parse, Bind, Describe, Execute and Sync of one statement without values, results as text, as the simple protocol would give them. */
export function statementMessages(text: string, before: Uint8Array | null, after: Uint8Array | null): Buffer {
  const bytes = Buffer.byteLength(text);
  const parse = Buffer.allocUnsafe(1 + 4 + 1 + bytes + 1 + 2);
  parse[0] = 'P'.charCodeAt(0);
  parse.writeUInt32BE(parse.length - 1, 1);
  parse[5] = 0;
  parse.write(text, 6, 'utf8');
  parse.fill(0, 6 + bytes);
  const pieces: Uint8Array[] = before === null ? [parse, REST] : [before, parse, REST];
  if (after !== null) pieces.push(after);
  pieces.push(SYNC);
  return Buffer.concat(pieces);
}

const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);
const REST = Buffer.concat([
  Buffer.from([0x42, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0]),
  Buffer.from([0x44, 0, 0, 0, 6, 0x50, 0]),
  Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0]),
]);
