import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
// @ts-expect-error: a script without types.
import { embedSql } from '../../scripts/embed-sql.mjs';

it('is what scripts/embed-sql.mjs makes of sql/ now', () => {
  expect(fs.readFileSync(path.join(__dirname, 'migrations.generated.ts'), 'utf8')).toBe(embedSql());
});
