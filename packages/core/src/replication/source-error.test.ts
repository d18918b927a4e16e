import { expect, it } from 'vitest';
import { sourceConfig } from './connection-config.js';
import { sourceError } from './source-error.js';

const names = { source: 'db.example:5432/app', slot: 'colophon', publication: 'colophon' };
const server = (code: string) =>
  Object.assign(new Error('the server says something'), { code, severity: 'ERROR' });

it('tells what can be mended by trying again from what cannot, by SQLSTATE and step', () => {
  const judged = (code: string, step: Parameters<typeof sourceError>[1]) => {
    const { code: found, retryable } = sourceError(server(code), step, names);
    return [found, retryable];
  };
  expect(judged('28P01', 'connect')).toEqual(['AUTHENTICATION_FAILED', false]);
  expect(judged('28000', 'connect')).toEqual(['AUTHENTICATION_FAILED', false]);
  expect(judged('3D000', 'connect')).toEqual(['DATABASE_MISSING', false]);
  expect(judged('42501', 'connect')).toEqual(['PRIVILEGE_MISSING', false]);
  expect(judged('42704', 'start')).toEqual(['SLOT_MISSING', false]);
  expect(judged('42704', 'stream')).toEqual(['PUBLICATION_MISSING', false]);
  expect(judged('55006', 'start')).toEqual(['SLOT_IN_USE', true]);
  expect(judged('55000', 'start')).toEqual(['SLOT_INVALIDATED', false]);
  expect(judged('57P03', 'connect')).toEqual(['CONNECTION_FAILED', true]);
  expect(judged('57P01', 'stream')).toEqual(['CONNECTION_LOST', true]);
  expect(judged('53300', 'connect')).toEqual(['CONNECTION_FAILED', true]);
  const refused = Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:5432')]), {
    code: 'ECONNREFUSED',
  });
  expect(sourceError(refused, 'connect', names).message).toBe(
    'Cannot connect to db.example:5432/app: connect ECONNREFUSED ::1:5432. Check host and port, and that the server runs.',
  );
});

it('fixes the wire format after the settings of the URL, and never shows a password', () => {
  const config = sourceConfig(
    'postgres://me:secret@host/db?options=-c%20search_path%3Dx&application_name=mine',
  );
  expect(config.options).toMatch(/^-c search_path=x -c TimeZone=UTC .*extra_float_digits=1$/);
  expect(config.application_name).toBe('mine');
  for (const bad of ['mysql://me:secret@host/db', 'postgres://me:secret@host:port/db', '', 'secret']) {
    expect(() => sourceConfig(bad)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => sourceConfig(bad)).not.toThrow(/secret/);
  }
});
