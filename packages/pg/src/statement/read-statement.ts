import { alterVerdict, createVerdict, dropVerdict, reindexVerdict } from './ddl-verdict.js';
import { TokenKind } from './lexer.js';
import { provesRead } from './proves-read.js';
import { copyVerdict, declareVerdict, explainVerdict } from './query-verdict.js';
import type { Statement } from './statement.js';
import type { StatementCursor } from './statement-cursor.js';
import { prepareVerdict, setVerdict, transactionEnd } from './transaction-verdict.js';
import { alone, nextWord, read, transaction, unknown, type Verdict, wordOf, write } from './verdict.js';

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
