import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextRedactor } from './redact-context.js';
import { redactedHash } from './redaction.js';

const key = { id: 'k1', secret: '0123456789abcdef' };
const redact = (rules: Parameters<typeof contextRedactor>[0], text: string) =>
  contextRedactor(rules, key)!(text);

describe('contextRedactor', () => {
  it('drops, masks and hashes by path, and leaves every digit of the rest', () => {
    const text =
      '{"user":12345678901234567890.10,"ip":"10.0.0.1","mail":"a@b.c","none":null,"t":{"a":[1, 2]}}';
    expect(
      redact({ ip: 'drop', mail: 'mask', none: 'mask', user: 'hash', t: { by: 'mask', mask: '–' } }, text),
    ).toBe(`{"user":"${redactedHash('12345678901234567890.10', key)}","mail":"***","none":null,"t":"–"}`);
    expect(redact({ missing: 'drop' }, text)).toBe(text);
    expect(redact({ mail: 'drop', ip: 'drop', user: 'drop', none: 'drop', t: 'drop' }, text)).toBe('{}');
  });

  it('goes into objects and lists, through names with dots and wildcards', () => {
    expect(redact({ 'h.auth': 'drop' }, '{"h":{"auth":"x","a":1},"h.auth":"y","auth":2}')).toBe(
      '{"h":{"a":1},"auth":2}',
    );
    expect(redact({ 'users.mail': 'mask' }, '{"users":[{"mail":"x"},[{"mail":"y"}],"z"]}')).toBe(
      '{"users":[{"mail":"***"},[{"mail":"***"}],"z"]}',
    );
    expect(redact({ '*.pin': 'drop' }, '{"a":{"pin":1},"b":[{"pin":2}],"pin":3}')).toBe(
      '{"a":{},"b":[{}],"pin":3}',
    );
    expect(redact({ 'tags.*': 'mask' }, '{"tags":["a","b"]}')).toBe('{"tags":["***","***"]}');
    expect(redact({ 'a.b.c': 'drop' }, '{"a.b":{"c":1},"a":{"b.c":2}}')).toBe('{"a.b":{},"a":{}}');
  });

  it('meets a key with dots also through a wildcard', () => {
    expect(
      redact({ 'headers.*': 'drop' }, '{"headers.authorization":"x","headers":{"a":1},"header":2}'),
    ).toBe('{"headers":{},"header":2}');
    expect(
      redact({ 'a.*.pin': 'drop' }, '{"a.b.pin":1,"a.b.c.pin":2,"a.pin":3,"a":{"b.c":{"pin":4,"n":5}}}'),
    ).toBe('{"a.pin":3,"a":{"b.c":{"n":5}}}');
    expect(redact({ '*.*.pin': 'mask' }, '{"a.b":{"pin":1},"a.pin.b.pin":2,"pin":3}')).toBe(
      '{"a.b":{"pin":"***"},"a.pin.b.pin":"***","pin":3}',
    );
  });

  it('needs no more for lists within lists, and for keys full of dots, than their length', () => {
    const deep = `{"a":${'['.repeat(400)}{"pin":1}${']'.repeat(400)}}`;
    expect(redact({ '*.*.*.*.*.pin': 'drop' }, deep)).toBe(deep.replace('"pin":1', ''));
    const dotted = `{"${'a.'.repeat(20_000)}b":1}`;
    expect(redact({ '*.*.*.*.pin': 'drop' }, dotted)).toBe(dotted);
  });

  it('is not deceived by escapes, spaces, or names given twice', () => {
    expect(redact({ pin: 'drop' }, '{ "\\u0070in" : "1" , "a" : 2 }')).toBe('{"a":2}');
    expect(redact({ pin: 'drop' }, '{"pin":"1","pin":"2"}')).toBe('{}');
    expect(redact({ 'p"q': 'drop' }, '{"p\\"q":1}')).toBe('{}');
  });

  it('takes the stricter of two rules that meet', () => {
    expect(redact({ a: 'hash', '*': 'drop' }, '{"a":1}')).toBe('{}');
    expect(redact({ '*': 'mask', a: 'hash' }, '{"a":1}')).toBe('{"a":"***"}');
  });

  it('refuses rules that it could not follow to the letter, without the secret in the message', () => {
    expect(() => contextRedactor({ a: 'hash' })).toThrow(/no key/);
    expect(() => contextRedactor({ 'a..b': 'drop' })).toThrow(/empty part/);
    expect(() => contextRedactor({ a: 'dorp' as never })).toThrow(/drop, mask or hash/);
    expect(() => contextRedactor({ a: undefined as never })).toThrow(/drop, mask or hash/);
    expect(() => contextRedactor({ a: { by: 'mask', text: 'x' } as never })).toThrow(/unknown key "text"/);
    expect(() => contextRedactor({ a: 'hash' }, { id: 'k', secret: 'tooshort' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('tooshort') }),
    );
    expect(() => contextRedactor({ a: 'hash' }, { ...key, id: 'a b' })).toThrow(
      /The id of the redaction key/,
    );
  });

  it('leaves valid JSON, without what is dropped, of any context', () => {
    const drop = contextRedactor({ pin: 'drop', '*.pin': 'drop' })!;
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(fc.string(), fc.constant('pin')), fc.jsonValue()), (context) => {
        const after = JSON.parse(drop(JSON.stringify(context)));
        expect(Object.hasOwn(after, 'pin')).toBe(false);
        for (const value of Object.values(after)) {
          if (typeof value === 'object' && value !== null) expect(Object.hasOwn(value, 'pin')).toBe(false);
        }
      }),
    );
  });
});
