import { ColophonError } from '@colophon/protocol';
import type { Terminal } from './terminal.js';

const MAX_LENGTH = 1024;

/** The password on standard input: its first line, which is hidden from all output. Throws `INVALID_OPTION` without one. */
export async function readPassword(terminal: Terminal): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk as string;
    if (text.includes('\n') || text.length > MAX_LENGTH) break;
  }
  const password = /^[^\r\n]*/.exec(text)![0];
  if (password === '' || password.length > MAX_LENGTH) {
    throw new ColophonError(
      'INVALID_OPTION',
      'There is no password on standard input: give it as one line, such as by < password-file.',
    );
  }
  terminal.hide([password]);
  return password;
}
