import { expect, it } from 'vitest';
import { scramVerifier } from './scram-verifier.js';

it('is what PostgreSQL 18 itself makes of the same password and salt', () => {
  // SELECT rolpassword FROM pg_authid after ALTER ROLE … PASSWORD 'correct horse'.
  expect(scramVerifier('correct horse', Buffer.from('fVuI3SpqTlkapkawZulUfA==', 'base64'))).toBe(
    'SCRAM-SHA-256$4096:fVuI3SpqTlkapkawZulUfA==$8o+upc7sf4COeWoqMyQB3q2MvyI5FNNSc3IGuzmooyA=:nCl12F7FEBtuwxk1rzWiy1BYO08j8fnEchpqefeNKcY=',
  );
});

it.each(['', 'two\nlines', 'päss', 'tab\there', 'no\u00a0break'])('refuses %j', (password) => {
  expect(() => scramVerifier(password)).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION' }));
});

it('never says the password', () => {
  expect(() => scramVerifier('geheim-ü')).toThrowError(
    expect.objectContaining({ message: expect.not.stringContaining('geheim') }),
  );
});
