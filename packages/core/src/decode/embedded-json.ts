import type { JsonText } from '@colophon/protocol';
import { jsonString } from './json-string.js';

/**
 * How deep a value may be nested. PostgreSQL's own limit is its stack: with the default `max_stack_depth` of 2 MB it
 * refuses somewhat above 6,000 levels, and the row adds levels of its own.
 */
const MAX_NESTING = 5_000;

// `numeric` has at most 131,072 digits before the point and 16,383 after it.
const MAX_WEIGHT = 131_071;
const MIN_SUSPICIOUS = 10_000;
const SUSPICIOUS = /\\u(?:0000|[dD][89a-fA-F])|[eE][+-]?\d{4}|\d{10000}/;
const LINE_BREAK = /[\n\r\t]/g;
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|.)/gs;
const STRING = /"(?:[^"\\]|\\.)*"/gs;
const NUMBER = /-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?/g;
const MAX_SCALE = 16_383;

/** A `jsonb` value: always valid as it stands, but may be too deep for one level more. */
export function jsonbValue(text: string): JsonText {
  return text.length > MAX_NESTING && isTooDeep(text) ? jsonString(text) : text;
}

/**
 * A `json` value, which keeps what was typed: inlined where `jsonb` can hold it, without line breaks, else a JSON string
 * of its text. `jsonb` can't hold `\u0000`, half a surrogate pair, a number that `numeric` can't, and very deep nesting.
 */
export function jsonValue(text: string): JsonText {
  if (SUSPICIOUS.test(text) && !fitsJsonb(text)) return jsonString(text);
  if (text.length > MAX_NESTING && isTooDeep(text)) return jsonString(text);
  // Between tokens only: a JSON string has no raw control characters.
  return text.replace(LINE_BREAK, ' ');
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isInString) {
      if (code === 0x5c) at++;
      else if (code === 0x22) isInString = false;
    } else if (code === 0x22) isInString = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_NESTING) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}

function fitsJsonb(text: string): boolean {
  for (const [string] of text.matchAll(STRING)) {
    if (!hasWholeCharacters(string)) return false;
  }
  for (const [, whole, fraction, exponent] of text.replace(STRING, '""').matchAll(NUMBER)) {
    if (!fitsNumeric(whole!, fraction ?? '', exponent ?? '0')) return false;
  }
  return true;
}

function hasWholeCharacters(string: string): boolean {
  let high = -1;
  for (const { 0: found, 1: hex, index } of string.matchAll(ESCAPE)) {
    const unit = hex === undefined ? -1 : Number.parseInt(hex, 16);
    if (unit === 0) return false;
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    // The low half must follow its high half at once.
    if (isLow !== (high === index && high >= 0)) return false;
    if (high >= 0 && !isLow) return false;
    high = unit >= 0xd800 && unit <= 0xdbff ? index + found.length : -1;
  }
  return high < 0;
}

function fitsNumeric(whole: string, fraction: string, exponentText: string): boolean {
  if (exponentText.replace(/^[+-]?0*/, '').length > 9) return false;
  const exponent = Number(exponentText);
  if (whole.length + fraction.length < MIN_SUSPICIOUS && Math.abs(exponent) < 1_000) return true;
  if (fraction.length - exponent > MAX_SCALE) return false;
  const digits = whole + fraction;
  const leadingZeros = /^0*/.exec(digits)![0].length;
  if (leadingZeros === digits.length) return true;
  return whole.length - leadingZeros - 1 + exponent <= MAX_WEIGHT;
}
