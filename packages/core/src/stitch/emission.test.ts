import type { Lsn } from '@colophon/protocol';
import { expect, it } from 'vitest';
import { EmissionReader } from './emission.js';

const message = (prefix: string, content: string, transactional = true) =>
  ({ tag: 'message', transactional, lsn: 1n as Lsn, prefix, content: Buffer.from(content) }) as const;

it('reads our prefixes only, and only inside transactions (S8)', () => {
  const reader = new EmissionReader({ prefixes: ['colophon', 'old'] });
  expect(reader.read(message('colophon', '{"a":1}'))).toEqual({
    kind: 'lead',
    context: '{"a":1}',
    verified: null,
  });
  expect(reader.read(message('old.trail', '{"a":2}'))).toEqual({
    kind: 'trail',
    context: '{"a":2}',
    verified: null,
  });
  expect(reader.read(message('colophon.marker', 'token'))).toEqual({ kind: 'marker', token: 'token' });
  expect(reader.read(message('colophonx', '{}'))).toBeNull();
  expect(reader.read(message('_bemi', '{}'))).toBeNull();
  expect(reader.read(message('colophon', '{"a":1}', false))).toBeNull();
  expect(reader.read(message('colophon', 'no json'))).toMatchObject({
    context: expect.stringContaining('colophon.error'),
  });
});

it("takes a message of Bemi's triggers for the name of one row, and an explicit null for nobody's", () => {
  const reader = new EmissionReader({ prefixes: ['colophon', '_bemi'] });
  expect(reader.read(message('_bemi', '{"userId":1,"SQL":"UPDATE todo SET a = 1"}'))).toEqual({
    kind: 'row',
    context: '{"userId":1,"SQL":"UPDATE todo SET a = 1"}',
    verified: null,
  });
  expect(reader.read(message('_bemi', 'null'))).toEqual({ kind: 'row', context: '{}', verified: null });
  expect(reader.read(message('_bemi', '{"a":'))).toMatchObject({
    kind: 'row',
    context: expect.stringContaining('colophon.error'),
  });
  expect(reader.read(message('_bemi_heartbeat', '{}'))).toBeNull();
});

it('takes no message of the event triggers for a context, whatever prefixes are set (S8)', () => {
  for (const prefixes of [['colophon'], ['_bemi'], ['colophon.ddl']]) {
    const reader = new EmissionReader({ prefixes });
    const told = '{"command":"DROP TABLE","identity":"public.todo","dropped":true,"user":1}';
    expect(reader.read(message('colophon.ddl', told))).toMatchObject({
      kind: 'ddl',
      facts: { command: 'DROP TABLE', identity: 'public.todo', isDrop: true, publication: null, oid: null },
    });
    expect(reader.read(message('colophon.ddl', told, false))).toBeNull();
    for (const content of ['{"user":1}', 'no json', 'null', '[]', '{"command":7}', '']) {
      expect(reader.read(message('colophon.ddl', content))).toBeNull();
    }
  }
});

it('gives the context of the moment, however many came before, and of bytes that differ', () => {
  const reader = new EmissionReader({ prefixes: ['colophon'] });
  for (let round = 0; round < 2; round++) {
    for (let user = 0; user < 2_000; user++) {
      expect(reader.read(message('colophon', `{"user":${user}}`))).toEqual({
        kind: 'lead',
        context: `{"user":${user}}`,
        verified: null,
      });
    }
  }
  expect(reader.read(message('colophon', '{"a":"é"}'))).toMatchObject({ context: '{"a":"é"}' });
});
