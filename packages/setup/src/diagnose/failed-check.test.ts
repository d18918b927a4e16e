import { ColophonError, passwordMissing } from '@colophon/protocol';
import { expect, it } from 'vitest';
import { connectionError } from '../connection-error.js';
import { failedCheck } from './failed-check.js';

const failure = (code: string, message: string) => Object.assign(new Error(message), { code });

it.each([
  [
    failure('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'),
    'CONNECTION_FAILED',
    /ECONNREFUSED/,
    /^check host and port/,
  ],
  [
    failure('ENOTFOUND', 'getaddrinfo ENOTFOUND nowhere'),
    'CONNECTION_FAILED',
    /ENOTFOUND/,
    /^check host and port/,
  ],
  [
    failure('28P01', 'password authentication failed for user "me"'),
    'AUTHENTICATION_FAILED',
    /"me"/,
    /^check user/,
  ],
  [failure('3D000', 'database "x" does not exist'), 'DATABASE_MISSING', /"x"/, /^check the database name/],
  [failure('42501', 'permission denied for table t'), 'PRIVILEGE_MISSING', /permission denied/, /^grant/],
  [
    failure('55P03', 'canceling statement due to lock timeout'),
    'LOCK_TIMEOUT',
    /lock timeout/,
    /^wait for who/,
  ],
  [
    failure('57014', 'canceling statement due to statement timeout'),
    'TIMEOUT',
    /statement timeout/,
    /^raise --timeout/,
  ],
  [passwordMissing('source db:5432/app'), 'AUTHENTICATION_FAILED', /asks for a password/, /PGPASSWORD/],
  [
    new ColophonError('STORE_MISSING', 'There is no store; run colophon init.'),
    'STORE_MISSING',
    /no store/,
    /^run colophon init$/,
  ],
])('%s becomes a finding with its remedy apart', (error, code, message, remedy) => {
  const check = failedCheck('source.unreachable', connectionError(error, 'source db:5432/app'));
  expect(check).toMatchObject({
    name: 'source',
    verdict: 'fail',
    code,
    message: expect.stringMatching(message),
    remedy: expect.stringMatching(remedy),
  });
});

it('an attempt on several addresses has the words of each, once, on one line', () => {
  const error = new AggregateError([
    failure('ECONNREFUSED', 'connect ECONNREFUSED ::1:1'),
    failure('ECONNREFUSED', 'connect\nECONNREFUSED 127.0.0.1:1'),
  ]);
  expect(connectionError(error, 'store').message).toContain(
    '(connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1)',
  );
});
