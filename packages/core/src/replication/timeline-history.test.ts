import { expect, it } from 'vitest';
import { parseTimelineHistory } from './timeline-history.js';

it('reads the lines of a history file, and nothing else', () => {
  const text =
    '1\t0/3000158\tno recovery target specified\n\n2\t16/B374D848\tbefore 2026-11-25 03:00:00+00 \\x\n# 3\t0/1\tnote\n';
  expect(parseTimelineHistory(text)).toEqual([
    { timeline: 1, endLsn: 0x3000158n },
    { timeline: 2, endLsn: 0x16_b374_d848n },
  ]);
  expect(parseTimelineHistory('')).toEqual([]);
});
