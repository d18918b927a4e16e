import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const text = fs.readFileSync(path.join(import.meta.dirname, '../../docs/cls-hooked.md'), 'utf8');
const snippets = [...text.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1] ?? '');

it('has snippets', () => expect(snippets).toHaveLength(2));

it.each(snippets)('runs as it stands: %#', (snippet) => {
  const code = `const assert = require('node:assert/strict');\n${snippet}\nconsole.log('ran');`;
  const options = { cwd: import.meta.dirname, encoding: 'utf8' } as const;
  expect(execFileSync(process.execPath, ['-e', code], options)).toBe('ran\n');
});
