/** Kinds of token. A token of one ASCII character that is none of these has its own character code as kind. */
export const TokenKind = {
  /** Nothing is left. */
  end: 256,
  /** The server can only refuse the text: an unterminated quote or comment, a NUL, a backslash outside quotes. */
  broken: 257,
  /** An unquoted identifier or keyword. */
  word: 258,
  /** A quoted identifier: `"x"`. */
  quoted: 259,
  /** A quoted identifier with Unicode escapes: `U&"x"`. */
  unicodeQuoted: 260,
  /** A string constant of any sort. */
  string: 261,
  number: 262,
  /** `$1` */
  parameter: 263,
} as const;

const SPACE = 1;
const IDENTIFIER_START = 2;
const DIGIT = 4;
const classOf = new Uint8Array(128);
for (const space of ' \t\n\r\f\v') classOf[space.charCodeAt(0)] = SPACE;
for (const letter of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_') {
  classOf[letter.charCodeAt(0)] = IDENTIFIER_START;
}
for (const digit of '0123456789') classOf[digit.charCodeAt(0)] = DIGIT;

/**
 * Cuts SQL into tokens at the same places as PostgreSQL's scanner (14 to 18) does, without white space and comments.
 * Only what decides on boundaries is told apart: an operator of several characters comes as several tokens.
 * Never throws, never looks at a character more than a fixed number of times.
 * https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
export class Lexer {
  /** The current token's kind: a `TokenKind`, or the character code of a token of one character. */
  kind: number = TokenKind.end;
  /** Where the current token begins, in UTF-16 units. */
  start = 0;
  /** Where it ends. */
  end = 0;

  constructor(
    readonly text: string,
    /** Whether a backslash escapes in a plain `'…'` too: `standard_conforming_strings = off`. */
    private readonly backslashEscapes: boolean,
  ) {}

  /** Goes to the next token and gives its kind. After `end` and `broken` it stays there. */
  next(): number {
    if (this.kind === TokenKind.broken) return this.kind;
    const { text } = this;
    const at = this.skipSpace(this.end);
    if (at < 0) return this.break();
    this.start = at;
    if (at >= text.length) {
      this.end = at;
      return (this.kind = TokenKind.end);
    }
    const code = text.charCodeAt(at);
    const sort = code < 128 ? classOf[code]! : IDENTIFIER_START;
    if (sort === IDENTIFIER_START) return this.wordOrPrefixed(at, code);
    if (sort === DIGIT) return this.number(at);
    switch (code) {
      case 0x27: // '
        return this.finish(this.stringEnd(at + 1, this.backslashEscapes), TokenKind.string);
      case 0x22: // "
        return this.finish(this.quotedEnd(at + 1), TokenKind.quoted);
      case 0x24: // $
        return this.dollar(at);
      case 0x2e: // .
        return isDigit(text, at + 1) ? this.number(at) : this.finish(at + 1, code);
      case 0x5c: // backslash
      case 0:
        return this.break();
      default:
        return this.finish(at + 1, code);
    }
  }

  /** Whether the current token is this keyword, given in lower case. False for a quoted identifier. */
  is(keyword: string): boolean {
    return this.kind === TokenKind.word && isKeyword(this.text, this.start, this.end, keyword);
  }

  private finish(end: number, kind: number): number {
    if (end < 0) return this.break();
    this.end = end;
    return (this.kind = kind);
  }

  private break(): number {
    this.end = this.text.length;
    return (this.kind = TokenKind.broken);
  }

  /** Past white space and comments; -1 where a comment has no end. */
  private skipSpace(from: number): number {
    const { text } = this;
    let at = from;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code < 128 && classOf[code] === SPACE) at++;
      else if (code === 0x2d && text.charCodeAt(at + 1) === 0x2d) at = lineEnd(text, at + 2);
      else if (code === 0x2f && text.charCodeAt(at + 1) === 0x2a) {
        at = blockCommentEnd(text, at + 2);
        if (at < 0) return at;
      } else return at;
    }
  }

  private wordOrPrefixed(at: number, first: number): number {
    const { text } = this;
    const second = text.charCodeAt(at + 1);
    const letter = first | 0x20;
    if (second === 0x27) {
      // N'…' is a keyword and a plain literal to the scanner; the bounds are the same
      if (letter === 0x65) return this.finish(this.stringEnd(at + 2, true), TokenKind.string); // e
      if (letter === 0x62 || letter === 0x78)
        return this.finish(this.stringEnd(at + 2, false), TokenKind.string); // b, x
      if (letter === 0x6e)
        return this.finish(this.stringEnd(at + 2, this.backslashEscapes), TokenKind.string); // n
    }
    if (letter === 0x75 && second === 0x26) {
      const third = text.charCodeAt(at + 2);
      if (third === 0x27) return this.finish(this.stringEnd(at + 3, false), TokenKind.string);
      if (third === 0x22) return this.finish(this.quotedEnd(at + 3), TokenKind.unicodeQuoted);
    }
    return this.finish(wordEnd(text, at + 1), TokenKind.word);
  }

  private number(from: number): number {
    const { text } = this;
    let at = digitsEnd(text, from);
    // `1..10` is 1, two dots, 10
    if (text.charCodeAt(at) === 0x2e && text.charCodeAt(at + 1) !== 0x2e) at = digitsEnd(text, at + 1);
    if ((text.charCodeAt(at) | 0x20) === 0x65) {
      const sign = text.charCodeAt(at + 1);
      const exponent = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
      if (isDigit(text, exponent)) at = digitsEnd(text, exponent);
    }
    return this.finish(at, TokenKind.number);
  }

  /** `$1`, `$tag$…$tag$`, or a lone dollar. A tag holds no dollar and begins with no digit. */
  private dollar(at: number): number {
    const { text } = this;
    if (isDigit(text, at + 1)) return this.finish(digitsEnd(text, at + 1), TokenKind.parameter);
    let tagEnd = at + 1;
    for (; ; tagEnd++) {
      const code = text.charCodeAt(tagEnd);
      if (code === 0x24) break;
      if (!(code < 128 ? classOf[code]! & (IDENTIFIER_START | DIGIT) : code >= 128)) {
        return this.finish(at + 1, 0x24);
      }
    }
    const tag = text.slice(at, tagEnd + 1);
    const close = text.indexOf(tag, tagEnd + 1);
    return this.finish(close < 0 ? -1 : close + tag.length, TokenKind.string);
  }

  /** Past the end of a literal whose contents begin here, with its continuations; -1 without one. */
  private stringEnd(from: number, escapes: boolean): number {
    const { text } = this;
    let at = from;
    for (;;) {
      const quote = escapes ? escapedQuote(text, at) : text.indexOf("'", at);
      if (quote < 0) return -1;
      if (text.charCodeAt(quote + 1) === 0x27) {
        at = quote + 2;
        continue;
      }
      at = continuation(text, quote + 1);
      if (at < 0) return quote + 1;
    }
  }

  private quotedEnd(from: number): number {
    const { text } = this;
    let at = from;
    for (;;) {
      const quote = text.indexOf('"', at);
      if (quote < 0) return -1;
      if (text.charCodeAt(quote + 1) !== 0x22) return quote + 1;
      at = quote + 2;
    }
  }
}

/** Whether this piece of text is this keyword, given in lower case. Only ASCII letters fold, as in PostgreSQL. */
export function isKeyword(text: string, start: number, end: number, keyword: string): boolean {
  if (end - start !== keyword.length) return false;
  for (let i = 0; i < keyword.length; i++) {
    const code = text.charCodeAt(start + i);
    const folded = code >= 0x41 && code <= 0x5a ? code | 0x20 : code;
    if (folded !== keyword.charCodeAt(i)) return false;
  }
  return true;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

function digitsEnd(text: string, from: number): number {
  let at = from;
  while (isDigit(text, at)) at++;
  return at;
}

function wordEnd(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code >= 128 || (code < 128 && (classOf[code]! & (IDENTIFIER_START | DIGIT) || code === 0x24))) at++;
    else return at;
  }
}

function lineEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x0a || code === 0x0d) break;
  }
  return at;
}

/** Block comments nest. */
function blockCommentEnd(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2a && text.charCodeAt(at + 1) === 0x2f) {
      at++;
      if (--depth === 0) return at + 1;
    } else if (code === 0x2f && text.charCodeAt(at + 1) === 0x2a) {
      at++;
      depth++;
    }
  }
  return -1;
}

/** A literal goes on after white space with a newline in it: past its next quote, or -1. Block comments aren't white space here. */
function continuation(text: string, from: number): number {
  let at = from;
  let hasNewline = false;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === 0x0a || code === 0x0d) hasNewline = true;
    else if (code === 0x2d && text.charCodeAt(at + 1) === 0x2d) {
      at = lineEnd(text, at + 2);
      continue;
    } else if (!(code < 128 && classOf[code] === SPACE)) {
      return hasNewline && code === 0x27 ? at + 1 : -1;
    }
    at++;
  }
}

/** The next quote that no backslash escapes. */
function escapedQuote(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at++;
    else if (code === 0x27) return at;
  }
  return -1;
}
