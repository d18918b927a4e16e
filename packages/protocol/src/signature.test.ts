import { describe, expect, it } from 'vitest';
import {
  emissionSigner,
  isSignatureRight,
  parseSignature,
  signatureSecret,
  splitSignature,
} from './signature.js';

const key = { id: 'k1', secret: '0123456789abcdef0123456789abcdef' };
const secret = signatureSecret(key);
const sign = emissionSigner(key);

function check(text: string, prefix = 'colophon', audience = 'app'): boolean | null {
  const { signature, context } = splitSignature(Buffer.from(text));
  const parsed = signature === null ? null : parseSignature(signature);
  return parsed === null ? null : isSignatureRight(parsed, secret, prefix, audience, context);
}

describe('a signature', () => {
  it.each(['{}', '{"user":1}', '{"a":"\\u00e9","b":[{"c":"\\"}"}]}'])('comes off %s as it was', (context) => {
    const text = sign('colophon', 'app', context);
    expect(JSON.parse(text)).toMatchObject(JSON.parse(context));
    expect(Object.keys(JSON.parse(text))[0]).toBe('colophon.signature');
    expect(splitSignature(Buffer.from(text)).context.toString()).toBe(context);
    expect(check(text)).toBe(true);
  });

  it('is another each time', () => {
    const texts = Array.from({ length: 100 }, () => sign('colophon', 'app', '{"user":1}'));
    expect(new Set(texts).size).toBe(100);
    expect(texts.every((text) => check(text))).toBe(true);
  });

  it('is wrong for whatever else: each byte, prefix, audience, key', () => {
    const text = sign('colophon', 'app', '{"user":1}');
    expect(check(text, 'colophon.trail')).toBe(false);
    expect(check(text, 'colophon', 'other')).toBe(false);
    for (let at = 0; at < text.length; at++) {
      const altered = Buffer.from(text);
      altered[at] = altered[at]! ^ 1;
      expect(check(altered.toString('latin1')), `byte ${at}`).not.toBe(true);
    }
    const other = emissionSigner({ ...key, secret: `${key.secret}.` });
    expect(check(other('colophon', 'app', '{"user":1}'))).toBe(false);
    // Cut short, not in front, none at all.
    expect(check(text.replace(/.",/, '",'))).toBeNull();
    expect(check(`{"user":1,${sign('colophon', 'app', '{}').slice(1)}`)).toBeNull();
    expect(check('{"user":1}')).toBeNull();
    expect(check('{"colophon.signature":"x')).toBeNull();
    expect(check('')).toBeNull();
  });

  it('refuses keys that are none, without the secret', () => {
    expect(() => emissionSigner({ id: 'k.1', secret: key.secret })).toThrow(
      /The id of the signature key is wrong/,
    );
    expect(() => emissionSigner({ id: 'k1', secret: 'tooshort' })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.not.stringContaining('tooshort') }),
    );
  });
});
