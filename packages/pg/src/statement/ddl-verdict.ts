import type { StatementCursor } from './statement-cursor.js';
import { alone, nextWord, unknown, type Verdict, wordOf } from './verdict.js';

export function createVerdict(cursor: StatementCursor): Verdict {
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

export function dropVerdict(cursor: StatementCursor): Verdict {
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

export function alterVerdict(cursor: StatementCursor): Verdict {
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

export function reindexVerdict(cursor: StatementCursor): Verdict {
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
