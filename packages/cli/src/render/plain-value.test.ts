import { expect, it } from 'vitest';
import { plainValue } from './plain-value.js';

it('shows strings without quotes, all else as it stands', () => {
  expect(['"a\\"b\\u00e9"', 'null', '1.10', '{"a":"b"}'].map(plainValue)).toEqual([
    'a"bé',
    'null',
    '1.10',
    '{"a":"b"}',
  ]);
});
