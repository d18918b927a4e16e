import fs from 'node:fs';
import path from 'node:path';
import { contractCases, renderMatrix } from '@colophon/testkit';
import adapters from './adapters.json' with { type: 'json' };

/** Prints the matrix of the adapters that ran, from the columns that their tests left in this folder. */
export function printMatrix(folder: string): void {
  const names = fs.readdirSync(folder).map((file) => path.basename(file, '.json'));
  if (names.length === 0) return;
  const order = adapters.map(({ name }) => name);
  names.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const columns = names.map(
    (name) =>
      JSON.parse(fs.readFileSync(path.join(folder, `${name}.json`), 'utf8')) as Record<string, string>,
  );
  const rows = contractCases.map(({ name }) => ({ name, cells: columns.map((column) => column[name]) }));
  console.log(`\nThe contract, adapter by adapter:\n\n${renderMatrix(names, rows)}\n`);
}
