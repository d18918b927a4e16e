import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

it('shows in the README what the example runs, word for word', () => {
  const example = /\/\/ #region quickstart\n(.*?)\n *\/\/ #endregion/s.exec(
    read('examples/demo/app.js'),
  )?.[1];
  const shown = /<!-- from examples\/demo\/app\.js -->\n```js\n(.*?)\n```/s.exec(read('README.md'))?.[1];
  expect(example).toBeDefined();
  expect(shown).toBe(example?.replace(/^ {2}/gm, ''));
  for (const line of [
    /import \{[^}]*runWithContext[^}]*\} from '@colophon\/context'/,
    /import \{ instrument \} from '@colophon\/pg'/,
  ]) {
    expect(read('examples/demo/app.js')).toMatch(line);
    expect(read('README.md')).toMatch(line);
  }
});

it('links only to files that are there', () => {
  for (const [, target] of read('README.md').matchAll(/\]\(([^)#:]+)\)/g)) {
    expect(() => read(target as string), target).not.toThrow();
  }
});
