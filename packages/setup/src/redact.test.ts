import fc from 'fast-check';
import { expect, it } from 'vitest';
import { redact } from './redact.js';

it.each([
  ['postgres://me:secret@db:5432/app', 'postgres://me:***@db:5432/app'],
  ['at postgresql://:secret@db/app!', 'at postgresql://:***@db/app!'],
  ['postgres://me@db/app', 'postgres://me@db/app'],
  ['postgres://me:a@b@db/app', 'postgres://me:***@db/app'],
  ['host=db password=secret user=me', 'host=db password=*** user=me'],
  [`password='a b' x`, `password=*** x`],
  [
    'postgres://db/app?user=me&password=secret&sslmode=require',
    'postgres://db/app?user=me&password=***&sslmode=require',
  ],
  ['no secret here: a@b', 'no secret here: a@b'],
])('%j', (text, redacted) => {
  expect(redact(text)).toBe(redacted);
});

it('takes any encoded password out of a URL in any text', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.constantFrom('', 'said: ', '("'), (password, before) => {
      const secret = `~~${encodeURIComponent(password)}~~`;
      expect(redact(`${before}postgres://me:${secret}@db/app`)).not.toContain(secret);
    }),
  );
});
