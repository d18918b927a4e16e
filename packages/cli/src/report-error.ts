import { ColophonError } from '@colophon/protocol';
import { errorText } from '@colophon/setup';
import { visible } from './render/display-text.js';
import type { Terminal } from './terminal.js';

/** Says what went wrong, in one line; with `isDebug` also where. */
export function reportError(error: unknown, terminal: Terminal, isDebug: boolean): void {
  const { red, bold, dim } = terminal.talkColors;
  const text = visible(errorText(error));
  const code = error instanceof ColophonError ? error.code : 'unexpected';
  if (terminal.isJson) {
    terminal.talk(errorText(error), { level: 'error', code });
    return;
  }
  const hint = error instanceof ColophonError || isDebug ? '' : ' (--debug shows where)';
  terminal.progress(null);
  terminal.talk(`${bold(red('colophon:'))} ${text}${hint} ${dim(`[${code}]`)}`, { level: 'error' });
  if (!isDebug) return;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    terminal.talk(at.stack ?? String(at), { level: 'error' });
  }
}
