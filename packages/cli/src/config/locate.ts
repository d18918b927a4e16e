import type { Path } from './shape.js';
import type { Node, Position } from './syntax-tree.js';

/**
 * Where the value at a path of the settings is written, or its key: in the object that the file exports, through
 * `defineConfig(…)`, `as`, `satisfies` and constants of the file. Where it is computed, the place of what computes it; null where that
 * is all of the settings.
 */
export function locate(program: Node, path: Path, isKey = false): Position | null {
  const constants = constantsOf(program);
  const root = plain(exported(program), constants);
  let node = root;
  for (const [depth, step] of path.entries()) {
    const found = node === null ? null : memberOf(node, step);
    if (found === null) break;
    const isLast = depth === path.length - 1;
    if (isLast && isKey && found.key !== undefined) return positionOf(found.key);
    // What is wrong at the end is wrong where it is written, also where that is elsewhere.
    node = plain(found.value, constants);
  }
  return node === null || node === root ? null : positionOf(node);
}

interface Member {
  readonly key?: Node;
  readonly value: Node;
}

function exported(program: Node): Node | null {
  for (const statement of bodyOf(program)) {
    if (statement.type === 'ExportDefaultDeclaration') return statement.declaration as Node;
    const { type, left, right } = (statement.expression ?? {}) as Node & { left?: Node; right?: Node };
    if (type === 'AssignmentExpression' && left !== undefined && isModuleExports(left)) return right ?? null;
  }
  return null;
}

function isModuleExports({ object, property }: Node): boolean {
  const names = [object, property].map((part) => (part as Node | undefined)?.name);
  return ['module.exports', 'exports.default'].includes(names.join('.'));
}

/** The settings themselves: without what only gives them a type, and by value where they have a name. */
function plain(node: Node | null, constants: ReadonlyMap<string, Node>): Node | null {
  const seen = new Set<Node>();
  let at = node;
  while (at !== null && !seen.has(at)) {
    seen.add(at);
    const {
      type,
      callee,
      arguments: given,
      expression,
      name,
    } = at as Node & { callee?: Node; arguments?: Node[] };
    if (type === 'CallExpression' && isDefineConfig(callee)) at = given?.[0] ?? null;
    else if (/^(TS(As|Satisfies|NonNull)|Parenthesized|TSTypeAssertion)/.test(type)) at = expression as Node;
    else if (type === 'Identifier') at = constants.get(name as string) ?? at;
    else return at;
  }
  return at;
}

function isDefineConfig(callee: Node | undefined): boolean {
  return callee?.name === 'defineConfig' || (callee?.property as Node | undefined)?.name === 'defineConfig';
}

/** A key or an item; null where it isn't written here, or what is spread into it may have another. */
function memberOf(node: Node, step: string | number): Member | null {
  if (node.type === 'ArrayExpression') {
    const elements = node.elements as (Node | null)[];
    const before = elements.slice(0, (step as number) + 1);
    const item = before.some((element) => element?.type === 'SpreadElement')
      ? null
      : elements[step as number];
    return item === null || item === undefined ? null : { value: item };
  }
  if (node.type !== 'ObjectExpression') return null;
  const properties = node.properties as (Node & { key?: Node; value?: Node; computed?: boolean })[];
  const place = properties.findLastIndex(({ key, computed }) => computed !== true && nameOf(key) === step);
  const { key, value } = properties[place] ?? {};
  const isCertain = !properties
    .slice(place + 1)
    .some(({ type, computed }) => type === 'SpreadElement' || computed);
  return key === undefined || !isCertain ? null : { key, value: value ?? key };
}

function nameOf(key: Node | undefined): unknown {
  return key?.type === 'Identifier' ? key.name : key?.value;
}

function constantsOf(program: Node): Map<string, Node> {
  const constants = new Map<string, Node>();
  for (const statement of bodyOf(program)) {
    const { kind, declarations } = (statement.declaration ?? statement) as Node & {
      declarations?: { id: Node; init: Node | null }[];
    };
    if (kind !== 'const') continue;
    for (const { id, init } of declarations ?? []) {
      if (id.type === 'Identifier' && init !== null) constants.set(id.name as string, init);
    }
  }
  return constants;
}

function bodyOf(program: Node): readonly Node[] {
  return program.body as Node[];
}

function positionOf(node: Node): Position | null {
  return node.loc?.start ?? null;
}
