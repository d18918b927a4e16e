import type { AccountedPosition, Lsn, StoredPosition } from '@colophon/protocol';
import { describe, expect, it } from 'vitest';
import { type LedgerFacts, reconcileLedger } from './reconcile-ledger.js';

const at = (value: number) => BigInt(value) as Lsn;
const stored = (timeline: number, end: number, systemIdentifier = '1'): StoredPosition => ({
  systemIdentifier,
  timeline,
  commitLsn: at(end - 10),
  endLsn: at(end),
});
const accounted = (timeline: number, lsn: number, systemIdentifier = '1'): AccountedPosition => ({
  systemIdentifier,
  timeline,
  lsn: at(lsn),
});

function reconcile(timeline: number, facts: Partial<LedgerFacts>) {
  const source = {
    name: 'shop',
    environment: '',
    database: 'shop',
    systemIdentifier: '1',
    timeline,
    slot: 's',
  };
  const { skipBelow, recall, gaps, accounted } = reconcileLedger({
    source,
    writtenLsn: at(10_000),
    history: [],
    confirmedLsn: at(0),
    stored: null,
    accounted: null,
    remembered: null,
    isSourceRestored: false,
    ...facts,
  });
  const numberOf = (lsn: Lsn | null | undefined) => (lsn == null ? null : Number(lsn));
  return {
    skipBelow: numberOf(skipBelow),
    recall: recall === null ? null : [numberOf(recall.fromLsn), numberOf(recall.toLsn)],
    gaps: gaps.map((gap) => [
      gap.reason,
      [gap.fromTimeline, numberOf(gap.fromLsn)],
      [gap.toTimeline, numberOf(gap.toLsn)],
    ]),
    accounted: [accounted.timeline, Number(accounted.lsn)],
  };
}

const NO_GAP = { recall: null, gaps: [] };

describe('on one timeline', () => {
  it('begins where the slot stands; a slot at or behind what is accounted for is as it should be', () => {
    expect(reconcile(1, { confirmedLsn: at(100) })).toEqual({
      ...NO_GAP,
      skipBelow: null,
      accounted: [1, 100],
    });
    for (const confirmed of [50, 100, 200]) {
      expect(
        reconcile(1, { confirmedLsn: at(confirmed), stored: stored(1, 100), accounted: accounted(1, 200) }),
      ).toEqual({ ...NO_GAP, skipBelow: 100, accounted: [1, 200] });
    }
  });

  it('a slot beyond is a gap from there', () => {
    const facts = { confirmedLsn: at(300), stored: stored(1, 100), accounted: accounted(1, 200) };
    const expected = { skipBelow: 100, recall: null, accounted: [1, 300] };
    expect(reconcile(1, facts)).toEqual({ ...expected, gaps: [['slot-ahead', [1, 200], [1, 300]]] });
    // This process knows better than the store what the store once had.
    expect(reconcile(1, { ...facts, remembered: stored(1, 250) })).toEqual({
      ...expected,
      gaps: [['store-restored', [1, 200], [1, 300]]],
    });
  });

  it('a source that was put back: nothing is skipped by position, now or until something is stored again', () => {
    const expected = { skipBelow: null, recall: [50, 900], accounted: [1, 50] };
    const facts = { confirmedLsn: at(50), stored: stored(1, 900), accounted: accounted(1, 950) };
    expect(reconcile(1, { ...facts, writtenLsn: at(500) })).toEqual({
      ...expected,
      gaps: [['source-restored', [1, 50], [1, 950]]],
    });
    expect(reconcile(1, { ...facts, isSourceRestored: true })).toEqual({
      ...expected,
      gaps: [['source-restored', [1, 50], [1, 950]]],
    });
    expect(reconcile(1, { ...facts, accounted: accounted(1, 50) })).toEqual({ ...expected, gaps: [] });
  });

  it('another system is refused, unless init has let it take over', () => {
    expect(() => reconcile(1, { stored: stored(1, 100, '2') })).toThrow(
      expect.objectContaining({ code: 'SOURCE_CHANGED' }),
    );
    expect(() => reconcile(1, { accounted: accounted(1, 100, '2') })).toThrow('colophon init');
    expect(
      reconcile(1, { stored: stored(1, 900, '2'), accounted: accounted(1, 70), confirmedLsn: at(70) }),
    ).toEqual({
      ...NO_GAP,
      skipBelow: null,
      accounted: [1, 70],
    });
  });
});

describe('after a promotion', () => {
  const history = [
    { timeline: 1, endLsn: at(500) },
    { timeline: 2, endLsn: at(700) },
  ];

  it('what was stored before the timelines parted is stored still', () => {
    expect(
      reconcile(3, { history, confirmedLsn: at(80), stored: stored(1, 100), accounted: accounted(1, 120) }),
    ).toEqual({ ...NO_GAP, skipBelow: 100, accounted: [3, 120] });
    // Idle log of the old timeline is nobody's loss.
    expect(
      reconcile(3, { history, confirmedLsn: at(500), stored: stored(1, 100), accounted: accounted(1, 600) }),
    ).toEqual({ ...NO_GAP, skipBelow: 100, accounted: [3, 500] });
  });

  it('what was stored after that diverged; what the slot leaves out is a gap of its own', () => {
    expect(
      reconcile(3, { history, confirmedLsn: at(400), stored: stored(1, 600), accounted: accounted(1, 650) }),
    ).toEqual({
      skipBelow: 500,
      recall: null,
      gaps: [['diverged', [1, 500], [1, 600]]],
      accounted: [3, 500],
    });
    expect(
      reconcile(3, { history, confirmedLsn: at(900), stored: stored(2, 750), accounted: accounted(2, 750) })
        .gaps,
    ).toEqual([
      ['diverged', [2, 700], [2, 750]],
      ['slot-ahead', [3, 700], [3, 900]],
    ]);
  });

  it('where nobody knows where they parted, the sink is asked for each transaction', () => {
    expect(
      reconcile(3, { confirmedLsn: at(400), stored: stored(2, 750), accounted: accounted(2, 800) }),
    ).toEqual({
      skipBelow: null,
      recall: [400, 750],
      gaps: [
        ['diverged', [2, null], [2, 750]],
        ['slot-ahead', [2, null], [3, 400]],
      ],
      accounted: [3, 400],
    });
    // A server that was primary before, and is again.
    expect(reconcile(1, { confirmedLsn: at(400), stored: stored(2, 750) }).skipBelow).toBeNull();
  });
});
