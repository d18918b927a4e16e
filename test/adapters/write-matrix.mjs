// `node test/adapters/write-matrix.mjs`: puts the matrix of adapters.json into the README. With --print: only prints the README as it must be.
import fs from 'node:fs';
import { contractCases, renderMatrix } from '@colophon/testkit';

const readme = new URL('../../README.md', import.meta.url);
const adapters = JSON.parse(fs.readFileSync(new URL('adapters.json', import.meta.url), 'utf8'));
// An adapter is on the list when its tests are green, and a test that isn't green fails the run.
const rows = contractCases.map(({ name, shows }) => ({ name, cells: adapters.map(() => shows) }));
const table = renderMatrix(
  adapters.map(({ name, page }) => `[${name}](${page})`),
  rows,
);
const text = fs
  .readFileSync(readme, 'utf8')
  .replace(/(<!-- matrix -->\n).*?(<!-- \/matrix -->)/s, (_, start, end) => `${start}${table}\n${end}`);
if (process.argv.includes('--print')) process.stdout.write(text);
else fs.writeFileSync(readme, text);
