import type { Change } from '@colophon/protocol';
import { describe, expect, it } from 'vitest';
import { oldKey } from './old-key.js';

describe('oldKey', () => {
  const change = (keyColumns: string[], before: string, key: string, operation = 'UPDATE') =>
    oldKey({ operation, before, key, relation: { keyColumns } } as unknown as Change);

  it('is there only where an UPDATE changed the key', () => {
    expect(change(['id'], '{"id":7,"x":1}', '{"id":7}')).toBeNull();
    expect(change(['id'], '{"id":7}', '{"id":7}')).toBeNull();
    expect(change(['id'], '{"id":70,"x":1}', '{"id":7}')).toBe('{"id":70}');
    expect(change(['id'], '{"x":{"id":8},"id":7}', '{"id":8}')).toBe('{"id":7}');
    expect(change(['id'], '{"x":"\\"id\\":8,","id":7}', '{"id":7}')).toBeNull();
    expect(change(['b', 'a'], '{"a":1,"x":null,"b":"é"}', '{"b":"f","a":1}')).toBe('{"b":"é","a":1}');
    expect(change(['id'], '{"id":12345678901234567890}', '{"id":1}')).toBe('{"id":12345678901234567890}');
    expect(change(['id'], '{}', '{"id":1}')).toBeNull();
    expect(change([], '{"id":1}', '{}')).toBeNull();
    expect(change(['id'], '{"id":1}', '{"id":2}', 'DELETE')).toBeNull();
  });
});
