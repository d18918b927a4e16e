import type { JsonText } from '@colophon/protocol';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that JSON wants escaped
const NEEDS_ESCAPE = /["\\\u0000-\u001f]/;

/** The text as a JSON string. Always valid JSON; everything that need not be escaped stays as it is. */
export function jsonString(text: string): JsonText {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}
