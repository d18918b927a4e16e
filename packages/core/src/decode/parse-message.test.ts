import { describe, expect, it } from 'vitest';
import { parseMessage } from './parse-message.js';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const text = (value: string) => Buffer.from(value).toString('hex');
const column = (value: string) =>
  `74 ${Buffer.byteLength(value).toString(16).padStart(8, '0')} ${text(value)}`;

describe('parseMessage', () => {
  it('reads begin: 64-bit numbers whole, the time from 1970, the transaction id unsigned', () => {
    expect(parseMessage(bytes('42 ffffffff fffffffe 00000000 00000001 b2d05e03'))).toEqual({
      tag: 'begin',
      commitLsn: 0xfffffffffffffffen,
      committedAtMicros: 946_684_800_000_001n,
      xid: 3_000_000_003,
    });
  });

  it('reads commit, origin, type and logical messages', () => {
    expect(parseMessage(bytes('43 00 0000000000000010 0000000000000020 ffffffffffffffff'))).toEqual({
      tag: 'commit',
      flags: 0,
      commitLsn: 16n,
      endLsn: 32n,
      committedAtMicros: 946_684_799_999_999n,
    });
    expect(parseMessage(bytes(`4f 0000000000000010 ${text('origin')} 00`))).toEqual({
      tag: 'origin',
      originLsn: 16n,
      name: 'origin',
    });
    expect(parseMessage(bytes(`59 ffffffff 00 ${text('möd')} 00`))).toEqual({
      tag: 'type',
      oid: 0xffffffff,
      schema: 'pg_catalog',
      name: 'möd',
    });
    expect(parseMessage(bytes(`4d 01 0000000000000010 ${text('colophon')} 00 00000003 00ff7b`))).toEqual({
      tag: 'message',
      transactional: true,
      lsn: 16n,
      prefix: 'colophon',
      content: bytes('00ff7b'),
    });
  });

  it('reads relations and truncates', () => {
    const columns = `01 ${text('id')} 00 00000017 ffffffff 00 ${text('a b')} 00 00000413 00000024`;
    expect(
      parseMessage(bytes(`52 00004000 ${text('public')} 00 ${text('t')} 00 66 0002 ${columns}`)),
    ).toEqual({
      tag: 'relation',
      oid: 16384,
      schema: 'public',
      table: 't',
      replicaIdentity: 'f',
      columns: [
        { name: 'id', typeOid: 23, typeModifier: -1, isKey: true },
        { name: 'a b', typeOid: 1043, typeModifier: 36, isKey: false },
      ],
    });
    expect(parseMessage(bytes('54 00000002 03 00004000 f0000000'))).toEqual({
      tag: 'truncate',
      relationOids: [16384, 0xf0000000],
      cascade: true,
      restartIdentity: true,
    });
  });

  it('leaves rows as views on the buffer', () => {
    const old = `0002 ${column('1')} 6e`;
    const buffer = bytes(`55 00004000 4b ${old} 4e 0003 ${column('ü')} 75 6e`);
    expect(parseMessage(buffer)).toEqual({
      tag: 'update',
      relationOid: 16384,
      oldKind: 'K',
      before: { buffer, start: 8, end: 15, columnCount: 2 },
      after: { buffer, start: 18, end: 27, columnCount: 3 },
    });
    expect(parseMessage(bytes(`49 00004000 4e 0000`))).toMatchObject({
      tag: 'insert',
      after: { columnCount: 0 },
    });
    expect(parseMessage(bytes(`44 00004000 4f 0001 6e`))).toMatchObject({ tag: 'delete', oldKind: 'O' });
    expect(parseMessage(bytes(`55 00004000 4e 0001 6e`))).toMatchObject({ oldKind: null, before: null });
  });

  it('says what is wrong, in numbers, never in contents', () => {
    const wrong: Record<string, string> = {
      '': 'a message must have at least 1 byte, got 0',
      '42 0000': 'Begin message must have 21 bytes, got 3',
      '42 0000000000000000 0000000000000000 00000000 00': 'Begin message must have 21 bytes, got 22',
      '53 00000000 01': 'message of kind 0x53 is not one of protocol version 1',
      [`4f 0000000000000010 ${text('secret')}`]: 'Origin message ends inside a string that began at byte 9',
      [`49 00004000 4e 0001 74 00000009 ${text('secret')}`]:
        'must have at least 22 bytes for column 1 of 1, got 19',
      '49 00004000 4e 0002 6e': 'must have at least 10 bytes for column 2 of 2, got 9',
      '49 00004000 4e 0001 74 ffffffff': 'has a column of -1 bytes',
      '49 00004000 4e 0001 62 00000000': 'has a binary column, wanted text',
      '49 00004000 4e 0001 00': 'has a column of kind 0 at byte 8, wanted n, u or t',
      '49 00004000 4f 0000': 'Insert message has a row of kind 79, wanted N',
      '44 00004000 4e 0000': 'Delete message has a row of kind 78, wanted K',
      '52 00004000 00 00 78 0000': 'Relation message has replica identity "x", wanted d, n, f or i',
      '54 7fffffff 00 00004000': 'Truncate message must have at least 14 bytes, got 10',
    };
    for (const [hex, message] of Object.entries(wrong)) {
      expect(() => parseMessage(bytes(hex)), hex).toThrow(
        expect.objectContaining({ code: 'PROTOCOL_VIOLATION', message: expect.stringContaining(message) }),
      );
      expect(() => parseMessage(bytes(hex))).not.toThrow(/secret/);
    }
  });
});
