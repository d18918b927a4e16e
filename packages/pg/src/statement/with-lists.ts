import { TokenKind } from './lexer.js';
import type { StatementCursor } from './statement-cursor.js';

const OPEN = 0x28;
const CLOSE = 0x29;
const COMMA = 0x2c;

/** Where in a `WITH` list the reader is. */
type ListPlace = 'name' | 'named' | 'columns' | 'as' | 'body' | 'clause';

/** The `WITH` lists around a cursor: `WITH name (columns) AS MATERIALIZED (query) SEARCH …, name …`, then the query itself. */
export class WithLists {
  private readonly lists: { depth: number; at: ListPlace }[] = [];

  constructor(private readonly cursor: StatementCursor) {}

  /** The current token is a `WITH` that begins a list. */
  begin(): void {
    this.lists.push({ depth: this.cursor.depth, at: 'name' });
  }

  /** Whether a parenthesis that opens here holds a list's columns or one of its queries, and is no call. */
  expectsParenthesis(): boolean {
    const list = this.lists.at(-1);
    return list?.depth === this.cursor.depth && (list.at === 'named' || list.at === 'as');
  }

  /** Takes the current token. */
  follow(kind: number): void {
    const { lists, cursor } = this;
    let list = lists.at(-1);
    while (list !== undefined && list.depth > cursor.depth) {
      lists.pop();
      list = lists.at(-1);
    }
    if (list === undefined || list.depth !== cursor.depth) return;
    const { lexer } = cursor;
    const isName = kind === TokenKind.word || kind === TokenKind.quoted || kind === TokenKind.unicodeQuoted;
    switch (list.at) {
      case 'name':
        if (isName && !lexer.is('with') && !lexer.is('recursive')) list.at = 'named';
        break;
      case 'named':
        if (kind === OPEN) list.at = 'columns';
        else list.at = lexer.is('as') ? 'as' : 'clause';
        break;
      case 'columns':
        if (lexer.is('as')) list.at = 'as';
        break;
      case 'as':
        if (kind === OPEN) list.at = 'body';
        break;
      case 'body':
        if (kind === COMMA) list.at = 'name';
        else if (lexer.is('search') || lexer.is('cycle')) list.at = 'clause';
        else if (kind !== CLOSE) lists.pop();
        break;
      case 'clause':
        if (kind === COMMA) list.at = 'name';
        else if (kind === OPEN || lexer.is('select') || lexer.is('values') || lexer.is('table')) lists.pop();
        break;
    }
  }
}
