import { randomBytes } from 'node:crypto';
import type { WireShape } from './emission-shape.js';
import { emissionLiteral } from './emission-sql.js';
import type { Insertion } from './plan-text.js';

/** The name of the column by which the results of our literals are told from the application's: nobody can guess it. */
export const LITERAL_COLUMN: string = `colophon.${randomBytes(8).toString('hex')}`;

/** A text with emissions in it, and the way back from its positions to those of the application's text. */
export class TextMap {
  readonly text: string;
  private readonly pieces: { at: number; length: number }[] = [];
  private readonly original: string;

  constructor(
    original: string,
    insertions: readonly Insertion[],
    shape: WireShape,
    form: 'asking' | 'plain',
  ) {
    this.original = original;
    let text = '';
    let from = 0;
    for (const { at, emission } of insertions) {
      // At the end of a statement a separator is missing before it, at the start of one after it; empty statements are none.
      const literal = `;${emissionLiteral(emission, shape, form, LITERAL_COLUMN)};`;
      text += original.slice(from, at) + literal;
      from = at;
      this.pieces.push({ at, length: characters(literal) });
    }
    this.text = text + original.slice(from);
  }

  /** A server's position (in characters, from 1) in the application's text. */
  toOriginal(position: string): string {
    let left = Number(position);
    let end = 0;
    let seen = 0;
    let from = 0;
    for (const { at, length } of this.pieces) {
      seen += characters(this.original.slice(from, at));
      from = at;
      if (left <= seen + end) break;
      end += length;
    }
    left -= end;
    return String(left);
  }
}

/** PostgreSQL counts characters, JavaScript UTF-16 units. */
function characters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00) count--;
  }
  return count;
}
