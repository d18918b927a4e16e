import { TokenKind } from './lexer.js';
import type { StatementCursor } from './statement-cursor.js';
import { nextWord, read, transaction, type Verdict } from './verdict.js';

export function transactionEnd(cursor: StatementCursor): Verdict {
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
export function prepareVerdict(cursor: StatementCursor): Verdict {
  const isTransaction = nextWord(cursor) === 'transaction';
  return isTransaction && cursor.next() && cursor.lexer.kind === TokenKind.string ? transaction('end') : read;
}

export function setVerdict(cursor: StatementCursor): Verdict {
  let word = nextWord(cursor);
  if (word === 'local' || word === 'session') word = nextWord(cursor);
  return word === 'transaction' ? transaction('mode') : read;
}
