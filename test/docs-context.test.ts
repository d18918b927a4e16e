import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const text = fs.readFileSync(path.join(import.meta.dirname, '../docs/context.md'), 'utf8');
const snippets = [...text.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1] ?? '');

it('has snippets', () => expect(snippets).toHaveLength(5));

it.each(snippets)('runs as it stands: %#', (snippet) => {
  const code = `const assert = require('node:assert/strict');
    (async () => {\n${snippet}\n})().then(() => console.log('ran'), (error) => { console.error(error); process.exit(1); });`;
  expect(execFileSync(process.execPath, ['-e', code], { cwd: import.meta.dirname, encoding: 'utf8' })).toBe(
    'ran\n',
  );
});
