import { readTableList, type TableEntry, type TableName } from './table-name.js';

/**
 * Tables by their names: `sales.*`, `*.order_*`, `!sales.tmp_*`. Schema and name are in the form of SQL's LIKE, since the
 * source's event trigger reads them too.
 */
export interface TablePattern {
  readonly schemaLike: string;
  readonly nameLike: string;
  /** What it matches is left out, whatever else names it. */
  readonly isExclusion: boolean;
  /** As it was written. */
  readonly text: string;
}

/** A table named, or several by a pattern. */
export type WishedTable = TableName | TablePattern;

/** Every table of every schema. */
export const EVERY_TABLE: TablePattern = { schemaLike: '%', nameLike: '%', isExclusion: false, text: '*.*' };

/**
 * Reads a list of tables and patterns. An unquoted `*` stands for any number of characters, and `!` before a name leaves
 * tables out; everything else is a name as it is, see `parseTableNames`. Throws `INVALID_OPTION`.
 */
export function parseTableWish(text: string): WishedTable[] {
  const wish = new Map<string, WishedTable>();
  for (const entry of readTableList(text, true)) {
    const { schema, name, isExcluded } = entry;
    const isPattern = [schema, name].some(({ part, isQuoted }) => !isQuoted && part.includes('*'));
    const wished = isPattern || isExcluded ? pattern(entry) : { schema: schema.part, name: name.part };
    wish.set(JSON.stringify(isTablePattern(wished) ? { ...wished, text: '' } : wished), wished);
  }
  return [...wish.values()];
}

/** Whether it is a pattern, and not one table's name. */
export function isTablePattern(wished: WishedTable): wished is TablePattern {
  return 'schemaLike' in wished;
}

/** The pattern that only this table matches. */
export function exactPattern({ schema, name }: TableName): TablePattern {
  return { schemaLike: escapeLike(schema), nameLike: escapeLike(name), isExclusion: false, text: '' };
}

/** Says of tables whether the pattern matches them; without regard to its being an exclusion. */
export function tableMatcher({ schemaLike, nameLike }: TablePattern): (table: TableName) => boolean {
  const schema = likeToRegExp(schemaLike);
  const name = likeToRegExp(nameLike);
  return (table) => schema.test(table.schema) && name.test(table.name);
}

function pattern({ schema, name, isExcluded, text }: TableEntry): TablePattern {
  const like = ({ part, isQuoted }: TableEntry['name']): string =>
    isQuoted ? escapeLike(part) : part.split('*').map(escapeLike).join('%');
  return { schemaLike: like(schema), nameLike: like(name), isExclusion: isExcluded, text };
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, (character) => `\\${character}`);
}

function likeToRegExp(like: string): RegExp {
  const source = like.replace(/\\(.)|%|([^%\\]+)/gsu, (_, escaped?: string, plain?: string) =>
    escaped === undefined && plain === undefined ? '.*' : escapeRegExp(escaped ?? plain!),
  );
  return new RegExp(`^${source}$`, 'su');
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
