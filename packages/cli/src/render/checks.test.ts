import { type Check, FINDINGS, found, inWords, ok } from '@colophon/setup';
import picocolors from 'picocolors';
import { expect, it } from 'vitest';
import { renderChecks, renderReport } from './checks.js';

const CHECKS: readonly Check[] = [
  ok('version', 'PostgreSQL 18.4'),
  found('wal_level.low', 'replica\x1b[31m, wanted logical', inWords('restart')),
  found(
    'slot.inactive',
    'colophon is 12 GiB behind and nobody reads it, '.repeat(3),
    inWords('colophon run'),
  ),
];
const plain = picocolors.createColors(false);

it('shows verdict, name, what was seen, and the remedy below it, in the columns there are', () => {
  const text = renderChecks(CHECKS, 60, plain);
  const lines = text.trimEnd().split('\n');
  expect(lines[0]).toBe('✓ version    PostgreSQL 18.4');
  expect(text).toContain(
    `\n✗ wal_level  replica\\u001b[31m, wanted logical\n${' '.repeat(13)}→ restart\n! slot       colophon is 12 GiB`,
  );
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
});

it('reports by what the checks are about, with why each matters, and counts them', () => {
  const text = renderReport(CHECKS, 80, plain);
  expect(text).toMatch(/^server\n✓ version/);
  expect(text).toMatch(/\n\nslot\n! slot {7}/);
  expect(text).toMatch(/\n\n1 failed, 1 to look at, 1 fine\n$/);
  expect(text.replace(/\s+/g, ' ')).toContain(FINDINGS['slot.inactive'].why);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});
