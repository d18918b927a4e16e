/** A case and what each adapter showed in it; undefined where it did not run. */
export interface MatrixRow {
  readonly name: string;
  readonly cells: readonly (string | undefined)[];
}

/** The matrix as a Markdown table: a row a case, a column an adapter. */
export function renderMatrix(adapters: readonly string[], rows: readonly MatrixRow[]): string {
  const table = [
    ['', ...adapters],
    ...rows.map(({ name, cells }) => [name, ...cells.map((cell) => cell ?? '–')]),
  ];
  const widths = ['', ...adapters].map((_, column) =>
    Math.max(3, ...table.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`;
  const [head, ...body] = table;
  return [line(head!), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}
