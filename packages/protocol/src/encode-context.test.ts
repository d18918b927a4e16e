import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeContext } from './decode-context.js';
import { encodeContext } from './encode-context.js';
import { contextRedactor } from './redact-context.js';

const throughTheWire = (context: object) =>
  JSON.parse(decodeContext(Buffer.from(encodeContext(context as Record<string, unknown>), 'ascii')));

describe('encodeContext', () => {
  it('is pure ASCII and carries every JSON value unchanged', () => {
    const key = fc
      .string({ unit: 'binary' })
      .filter((k) => !k.startsWith('colophon.') && !/\0/.test(k) && k !== '__proto__');
    const value = fc
      .jsonValue({ stringUnit: 'binary' })
      .map((v) => JSON.parse(JSON.stringify(v).replaceAll('\\u0000', '')));
    fc.assert(
      fc.property(fc.dictionary(key, value), (context) => {
        const encoded = encodeContext(context);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(JSON.parse(encoded)).toEqual(JSON.parse(JSON.stringify(context)));
        expect(throughTheWire(context)).toEqual(JSON.parse(JSON.stringify(context)));
      }),
    );
  });

  it('gives a stated outcome to what JSON or jsonb cannot hold', () => {
    const cyclic: Record<string, unknown> = { deep: 1 };
    cyclic.self = cyclic;
    const context = {
      big: 12345678901234567890n,
      nested: { big: [1n] },
      date: new Date(0),
      undef: undefined,
      fn: () => 1,
      sym: Symbol('x'),
      nul: 'a\0b',
      half: '\ud800x\udc00',
      pair: '\u{1f600}',
      escaped: '\\ud800 \\u0000 \\\\ud800',
      cyclic,
      get throwing() {
        throw new Error('no');
      },
      'colophon.mine': 1,
      'k\0ey': 1,
      nan: Number.NaN,
    };
    expect(throughTheWire(context)).toEqual({
      big: '12345678901234567890',
      nested: { big: ['1'] },
      date: '1970-01-01T00:00:00.000Z',
      nul: 'a\ufffdb',
      half: '\ufffdx\ufffd',
      pair: '\u{1f600}',
      escaped: '\\ud800 \\u0000 \\\\ud800',
      cyclic: '[unserializable]',
      throwing: '[unserializable]',
      'k\ufffdey': 1,
      nan: null,
    });
  });

  it('writes a bigint as decimal text even where the application gave bigints a toJSON', () => {
    const prototype = BigInt.prototype as unknown as { toJSON?: () => unknown };
    prototype.toJSON = function toJSON(this: bigint) {
      return Number(this);
    };
    try {
      expect(encodeContext({ id: 9007199254740993n })).toBe('{"id":"9007199254740993"}');
    } finally {
      delete prototype.toJSON;
    }
  });

  it('replaces a context over the limit whole, and counts bytes of UTF-8', () => {
    expect(encodeContext({ a: 'x'.repeat(70_000) })).toBe(
      '{"colophon.error":"context of 70008 bytes is over the limit of 65536"}',
    );
    expect(throughTheWire({ a: 'é'.repeat(30_000) }).a).toHaveLength(30_000);
    expect(encodeContext({ a: 'é'.repeat(10) }, { maxBytes: 20 })).toContain('colophon.error');
  });

  it('measures what is left once it is redacted', () => {
    const redact = contextRedactor({ body: 'drop', note: 'mask' });
    expect(encodeContext({ user: 7, body: 'x'.repeat(70_000) }, { redact })).toBe('{"user":7}');
    expect(
      encodeContext({ user: 7, note: 'é' }, { redact: contextRedactor({ note: { by: 'mask', mask: 'ä' } }) }),
    ).toBe('{"user":7,"note":"\\u00e4"}');
    expect(encodeContext({ note: '' }, { maxBytes: 14, redact })).toBe('{"note":"***"}');
    expect(encodeContext({ note: '' }, { maxBytes: 13, redact })).toContain('over the limit');
    // What Colophon itself says is kept, whatever the rules are.
    expect(encodeContext('text' as never, { redact: contextRedactor({ '*': 'drop' }) })).toContain(
      'not an object',
    );
  });

  it('says so where a context cannot be redacted, or is yet to come', () => {
    let list: unknown[] = ['S3CRET'];
    for (let depth = 0; depth < 3_500; depth++) list = [list];
    const encoded = encodeContext({ user: 7, list }, { redact: contextRedactor({ 'list.pin': 'drop' }) });
    expect(encoded).toMatch(/^{"user":7|^{"colophon.error":"context cannot be redacted"}$/);
    const failing = () => {
      throw new RangeError('Maximum call stack size exceeded');
    };
    expect(encodeContext({ user: 7 }, { redact: failing })).toBe(
      '{"colophon.error":"context cannot be redacted"}',
    );
    expect(encodeContext(Promise.resolve({ user: 7 }) as never)).toBe(
      '{"colophon.error":"context is a promise"}',
    );
  });

  it('never throws, whatever it is given', () => {
    const evil = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    expect(encodeContext(evil)).toContain('colophon.error');
    for (const odd of [null, undefined, 'text', 7, ['a']]) {
      expect(encodeContext(odd as never)).toBe('{"colophon.error":"context is not an object"}');
    }
  });
});

describe('decodeContext', () => {
  const decode = (text: string | Buffer) => decodeContext(Buffer.from(text as string));

  it('keeps the digits of numbers', () => {
    expect(decode('{"n":12345678901234567890.10}')).toBe('{"n":12345678901234567890.10}');
  });

  it('says what is wrong with a forged emission instead of failing', () => {
    for (const bad of [
      '',
      'x',
      '[1]',
      '"a"',
      '{"a":1e99999}',
      `{"a":${'9'.repeat(200_000)}}`,
      `{"a":${'['.repeat(600)}${']'.repeat(600)}}`,
    ]) {
      expect(Object.keys(JSON.parse(decode(bad)))).toEqual(['colophon.error']);
    }
    expect(JSON.parse(decodeContext(Buffer.from([0x7b, 0xff, 0x7d])))).toHaveProperty(['colophon.error']);
    expect(decode('{"a":"1e99999"}')).toBe('{"a":"1e99999"}');
    expect(decode('{"a":"\\u0000 \\uD83D\\uDE00 \\uD83D"}')).toBe('{"a":"\\ufffd \\uD83D\\uDE00 \\ufffd"}');
  });
});
