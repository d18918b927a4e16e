import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeId, parseChangeId, sourceHash } from './change-id.js';
import { lsn } from './lsn.js';

const systemIdentifier = '7445123456789012345';
const id = (commitLsn: bigint, sequence: number, timeline = 1) =>
  changeId({ systemIdentifier, timeline, commitLsn: lsn(commitLsn), sequence });
const anyLsn = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const anySequence = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('changeId', () => {
  it('is a UUID of version 8 and variant 10, and reads back', () => {
    fc.assert(
      fc.property(anyLsn, anySequence, fc.integer({ min: 1, max: 1000 }), (commitLsn, sequence, timeline) => {
        const text = id(commitLsn, sequence, timeline);
        expect(text).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(parseChangeId(text)).toEqual({
          commitLsn,
          sequence,
          sourceHash: sourceHash(systemIdentifier, timeline),
        });
      }),
    );
  });

  it('sorts by commit LSN, then by sequence', () => {
    fc.assert(
      fc.property(anyLsn, anySequence, anyLsn, anySequence, (lsnA, sequenceA, lsnB, sequenceB) => {
        const wanted = Math.sign(lsnA === lsnB ? sequenceA - sequenceB : lsnA < lsnB ? -1 : 1);
        const [a, b] = [id(lsnA, sequenceA), id(lsnB, sequenceB)];
        expect(a < b ? -1 : a > b ? 1 : 0).toBe(wanted);
      }),
    );
    expect(id(1n, 1_000_000) < id(1n, 4_194_304)).toBe(true);
  });

  it('differs between timelines and systems, and stays as it is for ever', () => {
    expect(id(0x16b374d848n, 7)).not.toBe(id(0x16b374d848n, 7, 2));
    expect(parseChangeId(id(0x16b374d848n, 7))?.sourceHash).not.toBe(sourceHash('7445123456789012346', 1));
    // Stored ids must never change with a release.
    expect(id(0x16b374d848n, 7)).toBe('00000016-b374-8d84-a000-00001f757d31');
  });

  it('refuses what is no id', () => {
    expect(parseChangeId('00000016-b374-4d84-a000-00001c000000')).toBeNull();
    expect(parseChangeId('x')).toBeNull();
  });
});
