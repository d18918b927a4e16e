import { TokenKind } from './lexer.js';
import { notFunctionKeywords, readOnlyFunctions } from './read-only-functions.js';
import { RecentTokens, type SeenToken } from './recent-tokens.js';
import type { StatementCursor } from './statement-cursor.js';
import { WithLists } from './with-lists.js';

const DOT = 0x2e;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = 0x28;
const CLOSE = 0x29;
const CLOSE_BRACKET = 0x5d;

const joinWords = new Set(['inner', 'left', 'right', 'full', 'outer', 'cross', 'natural']);
const valueKeywords = new Set(
  'null true false end user current_user session_user current_role current_catalog current_date current_time current_timestamp localtime localtimestamp system_user'.split(
    ' ',
  ),
);
/** Not reserved, and yet an expression can follow directly. */
const beforeExpression = new Set(
  'by zone escape passing value key path version document content rows range groups first next of like ilike similar is between verbose binary'.split(
    ' ',
  ),
);
/** Where a word before a parenthesis is no function because of the word before it. */
const constructAfter: ReadonlyMap<string, readonly string[]> = new Map([
  ['by', ['order', 'group', 'partition']],
  ['sets', ['grouping']],
  ['zone', ['time']],
  ['varying', ['character', 'char', 'nchar', 'bit']],
  ['first', ['fetch']],
  ['next', ['fetch']],
  ['bernoulli', ['tablesample']],
  ['system', ['tablesample']],
  ['rollup', []],
  ['cube', []],
]);

/**
 * Reads a query (`SELECT`, `VALUES`, `TABLE`, `WITH`, with any parentheses around) from the cursor's current token to
 * the statement's end. True only if its text proves that it writes no row: no `INTO`, no word of a writing statement
 * where there is a `WITH`, and every function it calls by name is one of PostgreSQL's own that only reads.
 *
 * What no text can show is a named limit: views, policies, operators, casts, types and columns of a row (`t.f` may call
 * `f(t)`) with code of the user's behind them, and a user's function that bears the name of one of PostgreSQL's own
 * and is preferred for its argument types or the `search_path`.
 */
export function provesRead(cursor: StatementCursor): boolean {
  return new QueryReader(cursor).read(false);
}

/** Whether planning the statement from the current token on, of whatever kind, can't run a function of the user's. */
export function provesPlanReads(cursor: StatementCursor): boolean {
  return new QueryReader(cursor, true).read(false);
}

/** The same as `provesRead` for a query in parentheses, from the opening one up to the closing one, where the cursor stays. */
export function provesReadInParentheses(cursor: StatementCursor): boolean {
  return new QueryReader(cursor).read(true);
}

class QueryReader {
  private readonly seen: RecentTokens;
  private readonly lists: WithLists;
  /** Parentheses of `DISTINCT ON (…)` and `OPERATOR (…)` that stand open: an expression can follow their end directly. */
  private readonly openings: { depth: number; isOperator: boolean }[] = [];
  private hasWith = false;
  private isQuery = false;

  constructor(
    private readonly cursor: StatementCursor,
    /** Whether the statement is planned only: then it may be one that writes. */
    private readonly isPlanned = false,
  ) {
    this.seen = new RecentTokens(cursor.lexer.text);
    this.lists = new WithLists(cursor);
    this.isQuery = isPlanned;
  }

  read(onlyParenthesis: boolean): boolean {
    const { cursor } = this;
    const { depth } = cursor;
    let isRead = true;
    do {
      const { kind } = cursor.lexer;
      isRead = isRead && this.accepts(kind);
      if (onlyParenthesis && kind === CLOSE && cursor.depth === depth) break;
    } while (cursor.next());
    return isRead && this.isQuery;
  }

  private accepts(kind: number): boolean {
    if (this.openings.length > 0 && !this.acceptsInOperator(kind)) return false;
    let part = 0;
    switch (kind) {
      case TokenKind.word:
        part = this.nextPart();
        if (part === 1 && !this.acceptsWord()) return false;
        break;
      case TokenKind.quoted:
      case TokenKind.unicodeQuoted:
        part = this.nextPart();
        break;
      case OPEN:
        if (!this.acceptsParenthesis()) return false;
        break;
      case CLOSE:
        if (this.openings.length > 0 && this.openings.at(-1)!.depth === this.cursor.depth) {
          this.openings.pop();
          part = -1;
        }
        break;
    }
    if (this.hasWith) this.lists.follow(kind);
    this.seen.add(kind, this.cursor.lexer.start, this.cursor.lexer.end, part);
    return true;
  }

  private nextPart(): number {
    const before = this.seen.back(2).part;
    return this.seen.back(1).kind === DOT && before > 0 ? before + 1 : 1;
  }

  private acceptsWord(): boolean {
    const { lexer } = this.cursor;
    if (!this.isQuery) {
      this.isQuery = lexer.is('select') || lexer.is('values') || lexer.is('table') || lexer.is('with');
      if (!this.isQuery) return false;
    }
    switch (lexer.end - lexer.start) {
      case 4: {
        if (lexer.is('into')) return this.isPlanned;
        const before = this.seen.back(1).kind;
        if ((before === 0 || before === OPEN) && lexer.is('with')) {
          this.hasWith = true;
          this.lists.begin();
        }
        return true;
      }
      case 5:
        return !(this.hasWith && !this.isPlanned && lexer.is('merge'));
      case 6:
        if (!this.hasWith || this.isPlanned) return true;
        if (lexer.is('update')) return this.isLock();
        return !(lexer.is('insert') || lexer.is('delete'));
      default:
        return true;
    }
  }

  /** `FOR UPDATE`, `FOR NO KEY UPDATE`, with the last word current. */
  private isLock(): boolean {
    if (this.seen.isWord(this.seen.back(1), 'for')) return true;
    return (
      this.seen.isWord(this.seen.back(1), 'key') &&
      this.seen.isWord(this.seen.back(2), 'no') &&
      this.seen.isWord(this.seen.back(3), 'for')
    );
  }

  /** An operator named with its schema must be PostgreSQL's own. */
  private acceptsInOperator(kind: number): boolean {
    if (!this.openings.at(-1)!.isOperator) return true;
    if (kind === TokenKind.word) return this.cursor.lexer.is('pg_catalog');
    return kind < TokenKind.end && kind !== OPEN && kind !== COMMA;
  }

  /** At an opening parenthesis: whether what stands before it is no call, or one of a function that only reads. */
  private acceptsParenthesis(): boolean {
    const last = this.seen.back(1);
    if (last.part <= 0) return true;
    if (this.lists.expectsParenthesis()) return true;
    if (last.part > 3) return false;
    const before = this.seen.back(2 * last.part);
    // a type's modifiers; an alias's columns
    if (before.kind === COLON && this.seen.back(2 * last.part + 1).kind === COLON) return true;
    if (this.seen.isWord(before, 'as') || (this.isPlanned && this.seen.isWord(before, 'into'))) return true;
    const name = this.seen.nameOf(last);
    if (last.part > 1) {
      return (
        last.part === 2 && this.seen.nameOf(this.seen.back(3)) === 'pg_catalog' && readOnlyFunctions.has(name)
      );
    }
    if (last.kind === TokenKind.word) {
      if (name === 'operator') {
        this.openings.push({ depth: this.cursor.depth, isOperator: true });
        return true;
      }
      if (name === 'on' && this.seen.isWord(before, 'distinct')) {
        this.openings.push({ depth: this.cursor.depth, isOperator: false });
      }
      if (notFunctionKeywords.has(name)) return true;
    }
    if (readOnlyFunctions.has(name)) return true;
    // an alias's columns, `OVER (…)`, `FILTER (…)`: no call can follow an operand directly
    if (isLiteral(before.kind) || (before.kind === CLOSE && before.part === 0)) return true;
    if (last.kind !== TokenKind.word) return false;
    if (name === 'join' || name === 'ilike') return this.mayEndOperand(before);
    const construct = constructAfter.get(name);
    if (construct === undefined || before.kind !== TokenKind.word) return false;
    if (name === 'rollup' || name === 'cube') {
      return this.seen.isWord(before, 'by') && this.seen.isWord(this.seen.back(3), 'group');
    }
    return construct.includes(this.seen.nameOf(before));
  }

  /** Whether an operator or `JOIN` can follow this token, and a call can't. */
  private mayEndOperand(token: SeenToken): boolean {
    if (token.part < 0) return false;
    if (token.kind === CLOSE || token.kind === CLOSE_BRACKET || isLiteral(token.kind)) return true;
    if (token.kind === TokenKind.quoted || token.kind === TokenKind.unicodeQuoted) return true;
    if (token.kind !== TokenKind.word) return false;
    if (token.part > 1) return true;
    const name = this.seen.nameOf(token);
    if (valueKeywords.has(name) || joinWords.has(name)) return true;
    return !notFunctionKeywords.has(name) && !beforeExpression.has(name);
  }
}

function isLiteral(kind: number): boolean {
  return kind === TokenKind.string || kind === TokenKind.number || kind === TokenKind.parameter;
}
