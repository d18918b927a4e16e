import { parseColumnPattern } from '@colophon/core';
import type { Shape } from './shape.js';

const SECRET: Shape = {
  keys: { id: 'text', file: 'text', env: 'text' },
  check: ({ id, file, env }) =>
    id === undefined || (file === undefined) === (env === undefined) ? 'an id and either file or env' : null,
};

const RULE_KINDS: Shape = { choices: ['drop', 'mask', 'hash'] };
const RULE: Shape = {
  simple: RULE_KINDS,
  whole: {
    keys: { by: RULE_KINDS, mask: 'text', mayBeMissing: 'boolean' },
    check: ({ by }) => (by === undefined ? 'by: what is done' : null),
  },
};

/** `redact` in the settings file. */
export const REDACT_SHAPE: Shape = {
  keys: { tables: { each: { each: RULE } }, context: { each: RULE }, key: { oneOrMore: SECRET } },
};

/** `signature` in the settings file. */
export const SIGNATURE_SHAPE: Shape = {
  keys: { keys: { list: SECRET }, windowSeconds: 'number', audience: 'text' },
  check: ({ keys }) => (keys === undefined ? 'keys' : null),
};

const PATTERN: Shape = { read: parseColumnPattern };

/** `columns` in the settings file. */
export const COLUMNS_SHAPE: Shape = {
  keys: {
    ignore: { list: PATTERN },
    exclude: { list: patternOr({ mayBeMissing: 'boolean' }) },
    mask: { list: patternOr({ mayBeMissing: 'boolean', mask: 'text' }) },
    hash: { list: patternOr({ mayBeMissing: 'boolean' }) },
  },
};

function patternOr(more: Readonly<Record<string, Shape>>): Shape {
  return {
    simple: PATTERN,
    whole: {
      keys: { columns: { list: PATTERN }, ...more },
      check: ({ columns }) => (columns === undefined ? 'columns' : null),
    },
  };
}
