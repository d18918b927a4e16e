import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { tlsChoice } from './tls-choice.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-tls-'));
const root = path.join(folder, 'root.crt');
const nothing = path.join(folder, 'nothing.crt');
const PEM = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';
fs.writeFileSync(root, PEM);
fs.writeFileSync(nothing, '');
afterAll(() => fs.rmSync(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

const BARE = 'postgres://me:pass@db/app';
const choice = (parameters: string) => tlsChoice(`${BARE}?${parameters}`, 'source');
const FULL = {};
const ANYBODY = { rejectUnauthorized: false };
const ANY_HOST = { checkServerIdentity: expect.any(Function) };

it.each([
  ['sslmode=disable', false],
  ['sslmode=require', ANYBODY],
  ['sslmode=verify-full', FULL],
  ['sslmode=verify-ca', ANY_HOST],
  ['ssl=true', FULL],
  ['ssl=false', false],
  // However it is written: node-postgres would pass over it, and send everything in plain text.
  ['sslMode=verify-full', FULL],
  ['SSLMODE=verify-full', FULL],
  ['ssl%6Dode=verify-full', FULL],
  ['sslmode=verify%2Dfull', FULL],
  // Of what is said twice the last counts, as with libpq.
  ['sslmode=disable&sslmode=verify-full', FULL],
  [`sslmode=require&sslrootcert=${root}`, { ca: PEM, ...ANY_HOST }],
  [`sslrootcert=${root}`, { ca: PEM }],
  // The system's authorities are many: with them libpq takes nothing less than verify-full.
  ['sslrootcert=system', FULL],
  ['sslmode=verify-full&sslrootcert=system', FULL],
  // Who asks for a proof of who answers gets one.
  ['sslmode=require&channel_binding=require', FULL],
  ['channel_binding=require', FULL],
  [`sslmode=verify-ca&channel_binding=require&sslrootcert=${root}`, { ca: PEM }],
  ['sslmode=require&channel_binding=prefer', ANYBODY],
  ['sslmode=verify-full&ssl_min_protocol_version=TLSv1.3', { minVersion: 'TLSv1.3' }],
  ['sslmode=verify-full&ssl_min_protocol_version=TLSv1.1', FULL],
  [`sslmode=verify-full&sslcrl=${root}`, { crl: PEM }],
  [`sslmode=verify-full&sslkey=${root}&sslpassword=a%26b`, { key: PEM, passphrase: 'a&b' }],
  ['application_name=x', undefined],
])('%s', (parameters, ssl) => {
  expect(choice(parameters).ssl).toEqual(ssl);
});

it.each([
  'sslmode=prefer',
  'sslmode=allow',
  'sslmode=Verify-Full',
  'sslmode=',
  'ssl=yes',
  'sslmode=require&sslrootcert=system',
  'sslmode=verify-ca&sslrootcert=system',
  'sslmode=disable&channel_binding=require',
  'sslmode=disable&sslnegotiation=direct',
  `sslmode=verify-full&sslrootcert=${nothing}`,
  `sslmode=verify-full&sslrootcert=${folder}/missing`,
  `sslmode=verify-full&sslcrldir=${folder}`,
  'requiressl=1',
  'tls=true',
  'ssl_mode=verify-full',
  'sslmod=verify-full',
  'sslmode=require&sslaccept=strict',
  'application_name=x&amp;sslmode=verify-full',
])('refuses %s', (parameters) => {
  expect(() => choice(parameters)).toThrowError(
    expect.objectContaining({ code: 'INVALID_OPTION', message: expect.not.stringContaining('pass@') }),
  );
});

it('never repeats what could be a password', () => {
  const message = (url: string) => {
    try {
      return tlsChoice(url, 'source').url;
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(message(`${BARE}?sslaccept=strict`)).toContain('a parameter sslaccept that');
  expect(message('postgres://me:pa?sslsecret@db/app')).not.toContain('sslsecret');
  expect(message('postgres://me:pa?sslsecret=a&b@db/app')).not.toContain('sslsecret');
});

it('leaves the rest of the URL as it was', () => {
  expect(choice('a=1&sslmode=require&options=-c%20x%3Dy').url).toBe(`${BARE}?a=1&options=-c%20x%3Dy`);
  expect(choice('sslmode=require').url).toBe(BARE);
  expect(tlsChoice(BARE, 'source')).toEqual({ url: BARE, ssl: undefined, sslnegotiation: undefined });
});

it('takes sslnegotiation=direct for TLS', () => {
  expect(choice('sslnegotiation=direct')).toMatchObject({ ssl: true, sslnegotiation: 'direct' });
  expect(choice('sslmode=require&sslnegotiation=direct')).toMatchObject({
    ssl: ANYBODY,
    sslnegotiation: 'direct',
  });
});

it("takes libpq's variables for what the URL doesn't say", () => {
  vi.stubEnv('PGSSLMODE', 'require');
  expect(tlsChoice(BARE, 'source').ssl).toEqual(ANYBODY);
  expect(choice('sslmode=verify-full').ssl).toEqual(FULL);
  expect(choice('ssl=false').ssl).toBe(false);
  vi.stubEnv('PGSSLROOTCERT', root);
  expect(tlsChoice(BARE, 'source').ssl).toEqual({ ca: PEM, ...ANY_HOST });
  expect(choice('sslmode=verify-full').ssl).toEqual({ ca: PEM });
  // A mode that is written in another way is no plain text.
  vi.stubEnv('PGSSLMODE', 'REQUIRE');
  expect(() => tlsChoice(BARE, 'source')).toThrowError(/"REQUIRE" of PGSSLMODE/);
  vi.stubEnv('PGSSLMODE', '');
  expect(tlsChoice(BARE, 'source').ssl).toBeUndefined();
});
