import { isKeyword, TokenKind } from './lexer.js';

/** One token that has gone by. */
export interface SeenToken {
  kind: number;
  start: number;
  end: number;
  /** In a name `a.b.c`: which part this is, from 1; 0 for what is no name; -1 for a parenthesis that ends no operand. */
  part: number;
}

const REMEMBERED = 8;
const ASCII = /^[\w$]*$/;
const nothing: SeenToken = { kind: 0, start: 0, end: 0, part: 0 };

/** The last few tokens of a text, by how long ago they went by. */
export class RecentTokens {
  private readonly ring: SeenToken[] = Array.from({ length: REMEMBERED }, () => ({ ...nothing }));
  private count = 0;

  constructor(private readonly text: string) {}

  /** This token goes by. */
  add(kind: number, start: number, end: number, part: number): void {
    const seen = this.ring[this.count++ & (REMEMBERED - 1)]!;
    seen.kind = kind;
    seen.start = start;
    seen.end = end;
    seen.part = part;
  }

  /** 1 for the last one; what was before the first has kind 0. At most eight back. */
  back(distance: number): SeenToken {
    if (distance > this.count) return nothing;
    return this.ring[(this.count - distance) & (REMEMBERED - 1)]!;
  }

  /** Whether a token is this keyword, in lower case; a name's further parts are none. */
  isWord(token: SeenToken, keyword: string): boolean {
    return (
      token.kind === TokenKind.word &&
      token.part === 1 &&
      isKeyword(this.text, token.start, token.end, keyword)
    );
  }

  /** A name as the server sees it; empty for one that only the server can read. */
  nameOf(token: SeenToken): string {
    if (token.kind === TokenKind.quoted) return this.text.slice(token.start + 1, token.end - 1);
    if (token.kind !== TokenKind.word) return '';
    const name = this.text.slice(token.start, token.end);
    return ASCII.test(name) ? name.toLowerCase() : '';
  }
}
