import type { ConnectionCarrier } from './connection-carrier.js';
import type { BackendMessage } from './node-postgres.js';
import { LITERAL_COLUMN } from './text-map.js';
import type { Turn } from './turn.js';

const INSUFFICIENT_PRIVILEGE = '42501';
const UNKNOWN_STATEMENT = '26000';

/** Takes an answer of the server to a turn; true where it answers a message of ours, and is to be dropped. */
export function takeAnswer(
  carrier: ConnectionCarrier,
  turn: Turn,
  event: string,
  message: BackendMessage,
): boolean {
  if (event === 'errorMessage') return takeError(carrier, turn, message);
  if (turn.text !== null) return takeTextAnswer(carrier, turn, event, message);
  if (turn.beforeLeft > 0) return takeOwn(carrier, turn, event, message, true);
  switch (event) {
    case 'parseComplete':
    case 'bindComplete':
      return turn.isConverted || isAfter(turn);
    case 'noData':
      return turn.isConverted;
    case 'dataRow':
      return isAfter(turn) && takeOwn(carrier, turn, event, message, false);
    case 'commandComplete':
      if (isAfter(turn)) return takeOwn(carrier, turn, event, message, false);
      turn.completions++;
      return false;
    case 'emptyQuery':
    case 'portalSuspended':
      turn.completions++;
      return false;
    default:
      return false;
  }
}

/** Whether an answer that comes now would be taken; nothing is changed. */
export function isOurs(turn: Turn, event: string, message: BackendMessage): boolean {
  if (event === 'errorMessage') {
    const code = message.code;
    return (
      turn.canRepeat && isOursToFail(turn) && (code === INSUFFICIENT_PRIVILEGE || code === UNKNOWN_STATEMENT)
    );
  }
  const isResult = event === 'dataRow' || event === 'commandComplete';
  if (turn.text !== null) {
    return event === 'rowDescription' ? isLiteral(message) : isResult && turn.isInLiteral;
  }
  const isPreparation = event === 'parseComplete' || event === 'bindComplete';
  if (turn.beforeLeft > 0) return isResult || isPreparation;
  if (event === 'noData') return turn.isConverted;
  if (isPreparation) return turn.isConverted || isAfter(turn);
  return isResult && isAfter(turn);
}

function isLiteral(message: BackendMessage): boolean {
  return (message.fields?.[0] as { name?: string } | undefined)?.name === LITERAL_COLUMN;
}

/** Whether the statement's own part is over and the answers to what we sent after it are coming. */
function isAfter(turn: Turn): boolean {
  return turn.isAfterSent && turn.completions >= turn.executes && turn.awaited.length > 0;
}

function takeOwn(
  carrier: ConnectionCarrier,
  turn: Turn,
  event: string,
  message: BackendMessage,
  isBefore: boolean,
): boolean {
  switch (event) {
    case 'parseComplete':
      if (turn.preparing !== null) carrier.prepared.add(turn.preparing);
      turn.preparing = null;
      return true;
    case 'bindComplete':
      if (isBefore) turn.beforeLeft--;
      return true;
    case 'dataRow':
      readRow(carrier, turn, message);
      return true;
    case 'commandComplete':
      if (isBefore) turn.beforeLeft--;
      turn.awaited.shift();
      return true;
    default:
      return false;
  }
}

/** The row of an emission: (lsn), (lsn, process id), or (granted, made, process id). */
export function readRow(carrier: ConnectionCarrier, turn: Turn, message: BackendMessage): void {
  const fields = message.fields ?? [];
  if (fields.length > 1) carrier.isDirect ??= String(fields.at(-1)) === String(carrier.client.processID);
  if (fields.length < 3) {
    turn.made.push(turn.awaited[0]!);
    return;
  }
  if (fields[0] === 't') carrier.rights.grant();
  else carrier.rights.refuse();
  if (fields[1] === 't') turn.made.push(turn.awaited[0]!);
}

/** In a text our results are told by the name of their column. */
function takeTextAnswer(
  carrier: ConnectionCarrier,
  turn: Turn,
  event: string,
  message: BackendMessage,
): boolean {
  switch (event) {
    case 'rowDescription':
      turn.isInLiteral = isLiteral(message);
      return turn.isInLiteral;
    case 'dataRow':
      if (turn.isInLiteral) readRow(carrier, turn, message);
      return turn.isInLiteral;
    case 'commandComplete':
      if (!turn.isInLiteral) {
        turn.completions++;
        return false;
      }
      turn.isInLiteral = false;
      turn.awaited.shift();
      return true;
    case 'notice':
      if (message.position !== undefined) message.position = turn.text!.toOriginal(message.position);
      return false;
    default:
      return false;
  }
}

function takeError(carrier: ConnectionCarrier, turn: Turn, message: BackendMessage): boolean {
  const isOurs = isOursToFail(turn);
  turn.hasFailed = true;
  if (turn.text !== null && message.position !== undefined) {
    message.position = turn.text.toOriginal(message.position);
  }
  if (!isOurs) return false;
  if (message.code === INSUFFICIENT_PRIVILEGE) carrier.rights.refuse(message);
  else if (message.code === UNKNOWN_STATEMENT) {
    // Somebody between us keeps no prepared statements, or the application threw them away where we couldn't see it.
    carrier.prepared.clear();
    carrier.isDirect = false;
  } else return false;
  if (!turn.canRepeat) return false;
  turn.repeats = message.code === UNKNOWN_STATEMENT ? 'unprepared' : 'bare';
  return true;
}

/** Whether what fails now is an emission. */
function isOursToFail(turn: Turn): boolean {
  if (turn.text === null) return turn.beforeLeft > 0 || isAfter(turn);
  // Only the first literal can be told with certainty: it stands before everything else.
  return turn.completions === 0 && turn.canRepeat && turn.awaited.length > 0 && turn.made.length === 0;
}
