import { TokenKind } from './lexer.js';
import type { CopySide, StatementKind, TransactionEffect } from './statement.js';
import type { StatementCursor } from './statement-cursor.js';

/** What a reader of one sort of statement found. */
export interface Verdict {
  kind: StatementKind;
  effect?: TransactionEffect;
  copy?: CopySide;
}

export const read: Verdict = { kind: 'read' };
export const write: Verdict = { kind: 'write' };
export const unknown: Verdict = { kind: 'unknown' };
export const alone: Verdict = { kind: 'alone' };
export const transaction = (effect?: TransactionEffect): Verdict => ({
  kind: 'transaction',
  ...(effect === undefined ? {} : { effect }),
});

/** The current token as a keyword; empty for what is none. */
export function wordOf(cursor: StatementCursor): string {
  const { lexer } = cursor;
  // no keyword is longer, and a letter that only JavaScript folds to ASCII is none
  if (lexer.kind !== TokenKind.word || lexer.end - lexer.start > 32) return '';
  const word = lexer.text.slice(lexer.start, lexer.end);
  return KEYWORD.test(word) ? word.toLowerCase() : '';
}

const KEYWORD = /^[A-Za-z_]+$/;

/** The next token as a keyword; empty where there is none or the statement ends. */
export function nextWord(cursor: StatementCursor): string {
  return cursor.next() ? wordOf(cursor) : '';
}
