import { ColophonError, lsn } from '@colophon/protocol';
import { expect, it } from 'vitest';
import { unreadable } from './unreadable.js';

const place = {
  slot: 'colophon',
  transaction: { xid: 812, commitLsn: lsn(0x16_b374_d848n) },
  readTo: lsn(1n),
};
const streamed = (sqlstate: string, message = 'invalid memory alloc request size 1073741824') =>
  new ColophonError('CONNECTION_LOST', 'Lost the connection', {
    retryable: true,
    cause: new Error(message),
    details: { sqlstate, step: 'stream' },
  });

it('says where the log cannot be read, and how to go past it', () => {
  expect(unreadable(streamed('XX000'), place)).toMatchObject({
    code: 'SOURCE_UNREADABLE',
    retryable: true,
    message: expect.stringMatching(
      /^Transaction 812, committed at 16\/B374D848, can't be read: .*invalid memory alloc request size 1073741824, SQLSTATE XX000.*pg_replication_slot_advance\('colophon', '16\/B374D849'\)\.$/,
    ),
  });
  expect(unreadable(streamed('54000'), { ...place, transaction: null })).toMatchObject({
    message: expect.stringMatching(/^What follows 0\/1 in the log can't be read/),
  });
});

it('does not quote what the server quotes of a row', () => {
  const error = unreadable(
    streamed('22021', 'invalid byte sequence for encoding "UTF8": 0xe9 0x53 0x33'),
    place,
  );
  expect((error as ColophonError).message).toContain("the server can't send it (SQLSTATE 22021)");
  expect((error as ColophonError).message).not.toContain('0xe9');
});

it('takes what no string can hold for good', () => {
  let error: unknown;
  try {
    'x'.repeat(2 ** 29).repeat(2);
  } catch (thrown) {
    error = thrown;
  }
  expect(unreadable(error, place)).toMatchObject({ code: 'SOURCE_UNREADABLE', retryable: false });
});

it('leaves every other error as it is', () => {
  for (const error of [streamed('57P01'), streamed('53300'), new Error('other'), new TypeError('defect')]) {
    expect(unreadable(error, place)).toBe(error);
  }
});
