import { createJiti } from 'jiti';

/** A node of Babel's syntax tree, as far as it is looked at. */
export interface Node {
  readonly type: string;
  readonly loc?: { readonly start: Position };
  readonly [key: string]: unknown;
}

/** Where something stands: the line from 1, the column from 0. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

type Parse = (text: string, options: unknown) => { readonly program: Node };

// JSON is an expression of JavaScript: on a line of its own, its columns stay what they are.
const BEFORE_JSON = 'export default\n';

/**
 * Reads a settings file by the parser that also loads it, and looks for a place in its program. Of a file that can't be read
 * it is the place of the error.
 */
export function findInSource(
  file: string,
  text: string,
  find: (program: Node) => Position | null,
): Position | null {
  const isJson = file.endsWith('.json');
  let found: Position | null = null;
  // Only here is the tree as it was written: what follows rewrites it.
  const parserOverride = (source: string, options: unknown, parse: Parse): unknown => {
    try {
      const tree = parse(source, options);
      found = find(tree.program);
      return tree;
    } catch (error) {
      found = (error as { loc?: Position }).loc ?? null;
      throw error;
    }
  };
  createJiti(file, { fsCache: false }).transform({
    source: isJson ? BEFORE_JSON + text : text,
    filename: file,
    ts: /\.[cm]?ts$/.test(file),
    babel: { plugins: [() => ({ parserOverride })] },
  });
  const { line, column } = found ?? ({} as Partial<Position>);
  return line === undefined || column === undefined ? null : { line: isJson ? line - 1 : line, column };
}
