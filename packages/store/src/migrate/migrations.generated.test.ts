import fs from 'node:fs';
import { expect, it } from 'vitest';
// @ts-expect-error: a script without types.
import { embedSql } from '../../scripts/embed-sql.mjs';

it('is what scripts/embed-sql.mjs makes of sql/ now', () => {
  expect(fs.readFileSync(new URL('./migrations.generated.ts', import.meta.url), 'utf8')).toBe(embedSql());
});
