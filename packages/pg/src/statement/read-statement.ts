import type { CopySide, Statement, StatementKind, TransactionEffect } from './classify.js';
import { TokenKind } from './lexer.js';
import { provesPlanReads, provesRead, provesReadInParentheses } from './proves-read.js';
import type { StatementCursor } from './statement-cursor.js';

/** Reads the statement whose first token is current, up to its end. */
export function readStatement(cursor: StatementCursor): Statement {
  const start = cursor.start;
  const { kind, effect, copy } = verdictOf(cursor);
  cursor.skip();
  const statement: Statement = {
    kind,
    start,
    end: cursor.end,
    hasParameters: cursor.hasParameters,
    ...(effect === undefined ? {} : { effect }),
    ...(copy === undefined ? {} : { copy }),
  };
  return statement;
}

interface Verdict {
  kind: StatementKind;
  effect?: TransactionEffect;
  copy?: CopySide;
}

const read: Verdict = { kind: 'read' };
const write: Verdict = { kind: 'write' };
const unknown: Verdict = { kind: 'unknown' };
const alone: Verdict = { kind: 'alone' };
const transaction = (effect?: TransactionEffect): Verdict => ({
  kind: 'transaction',
  ...(effect === undefined ? {} : { effect }),
});

function verdictOf(cursor: StatementCursor): Verdict {
  const { lexer } = cursor;
  if (lexer.kind === 0x28) return provesRead(cursor) ? read : unknown;
  if (lexer.kind !== TokenKind.word) return unknown;
  const first = wordOf(cursor);
  switch (first) {
    case 'select':
    case 'with':
    case 'values':
    case 'table':
      return provesRead(cursor) ? read : unknown;
    case 'insert':
    case 'update':
    case 'delete':
    case 'merge':
    case 'truncate':
      return write;
    case 'copy':
      return copyVerdict(cursor);
    case 'begin':
      return transaction('begin');
    case 'start':
      return transaction('begin');
    case 'commit':
    case 'end':
    case 'rollback':
    case 'abort':
      return transactionEnd(cursor);
    case 'savepoint':
      return transaction('savepoint');
    case 'release':
      return transaction('release');
    case 'prepare':
      return prepareVerdict(cursor);
    case 'set':
      return setVerdict(cursor);
    case 'explain':
      return explainVerdict(cursor);
    case 'declare':
      return declareVerdict(cursor);
    case 'show':
    case 'reset':
    case 'listen':
    case 'notify':
    case 'unlisten':
    case 'close':
    case 'deallocate':
    case 'lock':
    case 'analyze':
    case 'analyse':
    case 'checkpoint':
    case 'load':
      return read;
    case 'discard':
      return nextWord(cursor) === 'all' ? alone : read;
    case 'vacuum':
    case 'cluster':
      return alone;
    case 'create':
      return createVerdict(cursor);
    case 'drop':
      return dropVerdict(cursor);
    case 'alter':
      return alterVerdict(cursor);
    case 'reindex':
      return reindexVerdict(cursor);
    default:
      return unknown;
  }
}

/** The current token as a keyword; empty for what is none. */
function wordOf(cursor: StatementCursor): string {
  const { lexer } = cursor;
  // no keyword is longer, and a letter that only JavaScript folds to ASCII is none
  if (lexer.kind !== TokenKind.word || lexer.end - lexer.start > 32) return '';
  const word = lexer.text.slice(lexer.start, lexer.end);
  return KEYWORD.test(word) ? word.toLowerCase() : '';
}

const KEYWORD = /^[A-Za-z_]+$/;

/** The next token as a keyword; empty where there is none or the statement ends. */
function nextWord(cursor: StatementCursor): string {
  return cursor.next() ? wordOf(cursor) : '';
}

function copyVerdict(cursor: StatementCursor): Verdict {
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

function transactionEnd(cursor: StatementCursor): Verdict {
  const { lexer } = cursor;
  const isRollback = lexer.is('rollback');
  let word = nextWord(cursor);
  if (word === 'prepared') return transaction();
  if (word === 'work' || word === 'transaction') word = nextWord(cursor);
  if (isRollback && word === 'to') return transaction('rollback-to');
  if (word === 'and') return transaction(nextWord(cursor) === 'chain' ? 'chain' : 'end');
  return transaction('end');
}

/** `PREPARE TRANSACTION '…'`; `PREPARE transaction AS …` prepares a statement of that name. */
function prepareVerdict(cursor: StatementCursor): Verdict {
  const isTransaction = nextWord(cursor) === 'transaction';
  return isTransaction && cursor.next() && cursor.lexer.kind === TokenKind.string ? transaction('end') : read;
}

function setVerdict(cursor: StatementCursor): Verdict {
  let word = nextWord(cursor);
  if (word === 'local' || word === 'session') word = nextWord(cursor);
  return word === 'transaction' ? transaction('mode') : read;
}

/** Without ANALYZE nothing but the planner runs, and that runs only functions which are called with constants. */
function explainVerdict(cursor: StatementCursor): Verdict {
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
function declareVerdict(cursor: StatementCursor): Verdict {
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

function createVerdict(cursor: StatementCursor): Verdict {
  let word = nextWord(cursor);
  if (word === 'or') {
    cursor.next();
    word = nextWord(cursor);
  }
  switch (word) {
    case 'database':
    case 'tablespace':
    case 'subscription':
      return alone;
    case 'unique':
      cursor.next();
      return nextWord(cursor) === 'concurrently' ? alone : unknown;
    case 'index':
      return nextWord(cursor) === 'concurrently' ? alone : unknown;
    case 'function':
    case 'procedure':
      skipRoutine(cursor);
      return unknown;
    default:
      return unknown;
  }
}

/**
 * Past `CREATE FUNCTION … BEGIN ATOMIC …; … END`, whose bodies may hold such statements again. `END` closes a body only
 * at the place of a statement; elsewhere it ends a `CASE`.
 */
function skipRoutine(cursor: StatementCursor): void {
  const { lexer } = cursor;
  /** The first words of the statement in which the cursor is; empty at the place where one begins. */
  let opening = ['create', 'function'];
  let before = '';
  while (cursor.next()) {
    if (cursor.depth > 0 || lexer.kind === 0x29) continue;
    const word = wordOf(cursor);
    if (lexer.kind === 0x3b) {
      opening = [];
    } else if (word === 'atomic' && before === 'begin' && isRoutine(opening)) {
      cursor.bodies++;
      opening = [];
    } else {
      if (word === 'end' && opening.length === 0 && cursor.bodies > 0) cursor.bodies--;
      if (opening.length < 4) opening.push(word);
    }
    before = word;
  }
}

function isRoutine(opening: readonly string[]): boolean {
  const kind = opening[1] === 'or' ? opening[3] : opening[1];
  return opening[0] === 'create' && (kind === 'function' || kind === 'procedure');
}

function dropVerdict(cursor: StatementCursor): Verdict {
  switch (nextWord(cursor)) {
    case 'database':
    case 'tablespace':
    case 'subscription':
      return alone;
    case 'index':
      return nextWord(cursor) === 'concurrently' ? alone : unknown;
    default:
      return unknown;
  }
}

function alterVerdict(cursor: StatementCursor): Verdict {
  switch (nextWord(cursor)) {
    case 'system':
    case 'subscription':
      return alone;
    case 'database': {
      let before = '';
      while (cursor.next()) {
        const word = wordOf(cursor);
        if (before === 'set' && word === 'tablespace') return alone;
        before = word;
      }
      return unknown;
    }
    case 'table': {
      let last = '';
      while (cursor.next()) last = wordOf(cursor);
      return last === 'concurrently' ? alone : unknown;
    }
    default:
      return unknown;
  }
}

function reindexVerdict(cursor: StatementCursor): Verdict {
  const { lexer } = cursor;
  let isConcurrent = false;
  let word = nextWord(cursor);
  if (lexer.kind === 0x28) {
    while (cursor.next() && cursor.depth > 0) isConcurrent ||= lexer.is('concurrently');
    word = nextWord(cursor);
  }
  const isOneRelation = word === 'table' || word === 'index';
  return isConcurrent || !isOneRelation || nextWord(cursor) === 'concurrently' ? alone : unknown;
}
