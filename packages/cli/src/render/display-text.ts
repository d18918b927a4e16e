// Cells of a terminal: two for what East Asian Width calls wide or fullwidth, and for emoji.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f/u;
const INVISIBLE = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;
// What would move the cursor, ring, colour, or turn the direction of writing: a value must not change what stands beside it.
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
const NAMED: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The text with everything that a terminal would obey instead of showing written out as an escape. */
export function visible(text: string): string {
  return text.replace(
    UNSAFE,
    (unit) => NAMED[unit] ?? `\\u${unit.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}

/** How many columns of a terminal the text takes. For texts without escape sequences. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  if (INVISIBLE.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** The text, or its beginning and `…` where it is wider than `width`. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += graphemeWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** The text with spaces behind it up to `width`. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

/** The text in lines of at most `width` columns, broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  let lastSpace = -1;
  for (const { segment } of graphemes.segment(text)) {
    const wide = graphemeWidth(segment);
    if (used + wide > width && line !== '') {
      const isBreakable = lastSpace > 0 && segment !== ' ';
      const rest = isBreakable ? line.slice(lastSpace + 1) : '';
      lines.push(isBreakable ? line.slice(0, lastSpace) : line.trimEnd());
      line = rest;
      used = displayWidth(rest);
      lastSpace = -1;
      if (segment === ' ' && line === '') continue;
    }
    if (segment === ' ') lastSpace = line.length;
    line += segment;
    used += wide;
  }
  lines.push(line);
  return lines;
}
