import { fail, ok, warn } from '@colophon/setup';
import picocolors from 'picocolors';
import { expect, it } from 'vitest';
import { renderChecks } from './checks.js';

it('shows verdict, name, what was seen, and the remedy below it, in the columns there are', () => {
  const text = renderChecks(
    [
      ok('version', 'PostgreSQL 18.4'),
      warn('slot', 'colophon is 12 GiB behind and nobody reads it, '.repeat(3), 'colophon run'),
      fail('wal_level', 'WAL_LEVEL', 'replica\x1b[31m, wanted logical', 'restart'),
    ],
    60,
    picocolors.createColors(false),
  );
  const lines = text.trimEnd().split('\n');
  expect(lines[0]).toBe('✓ version    PostgreSQL 18.4');
  expect(lines[1]).toMatch(/^! slot {7}colophon is 12 GiB/);
  expect(text).toContain(
    `\n${' '.repeat(13)}→ colophon run\n✗ wal_level  replica\\u001b[31m, wanted logical\n`,
  );
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
});
