import { TokenKind } from './lexer.js';
import { provesPlanReads, provesRead, provesReadInParentheses } from './proves-read.js';
import type { StatementCursor } from './statement-cursor.js';
import { nextWord, read, unknown, type Verdict, wordOf, write } from './verdict.js';

export function copyVerdict(cursor: StatementCursor): Verdict {
  const { lexer } = cursor;
  let isQuery = false;
  let isRead = false;
  let afterDot = false;
  let direction = '';
  if (!cursor.next()) return unknown;
  if (lexer.kind === 0x28) {
    isQuery = true;
    isRead = provesReadInParentheses(cursor);
  }
  while (cursor.next()) {
    if (cursor.depth === 0 && !afterDot && (lexer.is('from') || lexer.is('to'))) {
      direction = wordOf(cursor);
      break;
    }
    afterDot = lexer.kind === 0x2e;
  }
  const side = nextWord(cursor);
  const isClient = side === 'stdin' || side === 'stdout';
  if (direction === 'from') return { kind: 'write', copy: isClient ? 'from' : 'from-server-file' };
  if (direction !== 'to') return unknown;
  return { kind: isQuery && !isRead ? 'unknown' : 'read', copy: isClient ? 'to' : 'to-server-file' };
}

/** Without ANALYZE nothing but the planner runs, and that runs only functions which are called with constants. */
export function explainVerdict(cursor: StatementCursor): Verdict {
  const { lexer } = cursor;
  if (!cursor.next()) return unknown;
  let runs = false;
  if (lexer.kind === 0x28) {
    if (!cursor.next()) return unknown;
    // else it is a query in parentheses, and the current token its first
    if (!isQueryStart(cursor)) {
      runs = explainOptions(cursor);
      if (!cursor.next()) return unknown;
    }
  } else {
    if (lexer.is('analyze') || lexer.is('analyse')) {
      runs = true;
      if (!cursor.next()) return unknown;
    }
    if (lexer.is('verbose') && !cursor.next()) return unknown;
  }
  return (runs ? provesRead(cursor) : provesPlanReads(cursor)) ? read : unknown;
}

function isQueryStart(cursor: StatementCursor): boolean {
  const { lexer } = cursor;
  return (
    lexer.kind === 0x28 || lexer.is('select') || lexer.is('with') || lexer.is('values') || lexer.is('table')
  );
}

/** Reads `(ANALYZE off, …)` from its first option to the closing parenthesis: whether the statement runs. */
function explainOptions(cursor: StatementCursor): boolean {
  const { lexer } = cursor;
  let runs = false;
  let isAnalyze = false;
  do {
    const option = lexer.text.slice(lexer.start, lexer.end).replace(/["']/g, '').toLowerCase();
    if (isAnalyze && (option === 'false' || option === 'off' || option === '0')) isAnalyze = false;
    if (lexer.kind === 0x2c || lexer.kind === 0x29) {
      runs ||= isAnalyze;
      isAnalyze = false;
      if (lexer.kind === 0x29) return runs;
    } else if (option === 'analyze' || option === 'analyse' || lexer.kind === TokenKind.unicodeQuoted) {
      isAnalyze = true;
    }
  } while (cursor.next());
  return true;
}

/** The rows are read by FETCH; `WITH HOLD` reads them at COMMIT, where nothing can follow, so the emission must lead. */
export function declareVerdict(cursor: StatementCursor): Verdict {
  const { lexer } = cursor;
  let isHeld = false;
  let before = '';
  while (cursor.next()) {
    const word = wordOf(cursor);
    if (word === 'hold' && before === 'with') isHeld = true;
    before = word;
    if (lexer.is('for')) break;
  }
  if (!cursor.next()) return unknown;
  if (provesRead(cursor)) return read;
  return isHeld ? write : unknown;
}
