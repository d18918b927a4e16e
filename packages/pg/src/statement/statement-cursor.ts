import { Lexer, TokenKind } from './lexer.js';

const PARENTHESIS_OPEN = 0x28;
const PARENTHESIS_CLOSE = 0x29;
const SEMICOLON = 0x3b;

/**
 * Walks over the tokens of one statement after the other. A statement ends at a `;` outside parentheses (inside them it
 * belongs to `CREATE RULE … DO (a; b)`) and outside a `BEGIN ATOMIC … END` that its reader has entered.
 */
export class StatementCursor {
  readonly lexer: Lexer;
  /** Open parentheses around the current token; of a parenthesis itself: around it. */
  depth = 0;
  /** Bodies in SQL (`BEGIN ATOMIC`) around the current token: their semicolons don't end the statement. */
  bodies = 0;
  /** Where the current statement's first token begins. */
  start = 0;
  /** Where its last token so far ends. */
  end = 0;
  /** Whether the current statement has had a `$n`. */
  hasParameters = false;
  /** Whether the server can only refuse the whole text. */
  isBroken = false;

  private open = 0;
  private hasEnded = false;

  constructor(text: string, backslashEscapes: boolean) {
    this.lexer = new Lexer(text, backslashEscapes);
  }

  /** Goes to the next statement's first token; false where there is none. Empty statements don't count, as in the server. */
  nextStatement(): boolean {
    const { lexer } = this;
    do lexer.next();
    while (lexer.kind === SEMICOLON);
    this.depth = this.open = this.bodies = 0;
    this.hasParameters = this.hasEnded = false;
    this.start = lexer.start;
    return this.accept();
  }

  /** Goes to the statement's next token; false at its end, and there it stays. */
  next(): boolean {
    if (this.hasEnded) return false;
    this.lexer.next();
    return this.accept();
  }

  /** Goes to the statement's end. */
  skip(): void {
    while (this.next());
  }

  private accept(): boolean {
    const { lexer } = this;
    this.depth = this.open;
    switch (lexer.kind) {
      case SEMICOLON:
        if (this.open === 0 && this.bodies === 0) return this.finish();
        break;
      case PARENTHESIS_OPEN:
        this.open++;
        break;
      case PARENTHESIS_CLOSE:
        if (this.open === 0) this.isBroken = true;
        else this.depth = --this.open;
        break;
      case TokenKind.parameter:
        this.hasParameters = true;
        break;
      case TokenKind.broken:
        this.isBroken = true;
        return this.finish();
      case TokenKind.end:
        if (this.open > 0 || this.bodies > 0) this.isBroken = true;
        return this.finish();
    }
    this.end = lexer.end;
    return true;
  }

  private finish(): false {
    this.hasEnded = true;
    return false;
  }
}
