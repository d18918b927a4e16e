import type { Check } from '@colophon/setup';
import type { Colors } from '../terminal.js';
import { pad, visible, wrap } from './display-text.js';

/** Findings: a mark, the name, what was seen, and below it what to do. */
export function renderChecks(checks: readonly Check[], columns: number, colors: Colors): string {
  const nameWidth = widestName(checks);
  return checks.map((check) => renderCheck(check, nameWidth, columns, colors)).join('');
}

/**
 * Doctor's report: the checks by what they are about, with why each matters, and how many are how. Without colours the marks
 * tell.
 */
export function renderReport(checks: readonly Check[], columns: number, colors: Colors): string {
  const nameWidth = widestName(checks);
  const groups = [...new Set(checks.map(({ group }) => group))];
  const parts = groups.map((group) => {
    const own = checks.filter((check) => check.group === group);
    return `${colors.dim(group)}\n${own.map((check) => renderCheck(check, nameWidth, columns, colors, true)).join('')}`;
  });
  const count = (wanted: string): number => checks.filter(({ verdict }) => verdict === wanted).length;
  return `${parts.join('\n')}\n${count('fail')} failed, ${count('warn')} to look at, ${count('ok')} fine\n`;
}

function renderCheck(
  { name, verdict, message, why, remedy }: Check,
  nameWidth: number,
  columns: number,
  colors: Colors,
  saysWhy = false,
): string {
  const indent = 2 + nameWidth + 2;
  const width = Math.max(30, columns - indent);
  const mark = { ok: colors.green('✓'), warn: colors.yellow('!'), fail: colors.red('✗') }[verdict];
  const styled = (text: string, style: (line: string) => string): string[] =>
    wrap(visible(text), width).map((line) => style(line));
  const lines = [
    ...wrap(visible(message), width),
    ...(why === null || !saysWhy ? [] : styled(why, colors.dim)),
    ...(remedy === null ? [] : styled(`→ ${remedy}`, colors.bold)),
  ];
  const title = pad(name, nameWidth);
  return `${mark} ${verdict === 'ok' ? title : colors.bold(title)}  ${lines.join(`\n${' '.repeat(indent)}`)}\n`;
}

function widestName(checks: readonly Check[]): number {
  return Math.max(...checks.map(({ name }) => name.length));
}
