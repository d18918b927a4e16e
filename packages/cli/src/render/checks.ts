import type { Check } from '@colophon/setup';
import type { Colors } from '../terminal.js';
import { pad, visible, wrap } from './display-text.js';

/** Doctor's findings: a mark, the name, what was seen, and below it what to do. */
export function renderChecks(checks: readonly Check[], columns: number, colors: Colors): string {
  const nameWidth = Math.max(...checks.map((check) => check.name.length));
  const indent = 2 + nameWidth + 2;
  const width = Math.max(30, columns - indent);
  let text = '';
  for (const check of checks) {
    const mark = { ok: colors.green('✓'), warn: colors.yellow('!'), fail: colors.red('✗') }[check.verdict];
    const lines = wrap(visible(check.message), width);
    const remedy =
      check.remedy === null ? [] : wrap(`→ ${visible(check.remedy)}`, width).map((line) => colors.bold(line));
    const name = pad(check.name, nameWidth);
    text += `${mark} ${check.verdict === 'ok' ? name : colors.bold(name)}  ${[...lines, ...remedy].join(`\n${' '.repeat(indent)}`)}\n`;
  }
  return text;
}
