import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';
import { judge, type Limits, type Outcome, type Sample } from './judge.mjs';

/** The short form: a third of what the machine can do, since other tests may run beside it. */
const SHORT = ['--minutes', '2', '--interval', '20', '--load', '0.3', '--tolerance', '0.35', '--lag', '10'];

it.skipIf(process.platform !== 'linux')(
  'a steady workload of two minutes: throughput and memory as at the start, log bounded, everything stored once',
  async () => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'main.mjs'), ...SHORT]);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const code = await new Promise((resolve) => child.once('close', resolve));
    console.log(output);
    expect(output).toMatch(/^✓ \d+ changes, each stored once and in order$/m);
    expect(code).toBe(0);
  },
  300_000,
);

const LIMITS: Limits = {
  tolerance: 0.1,
  rssSlackBytes: 20e6,
  rssBytes: 300e6,
  retainedBytes: 512e6,
  lagSeconds: 5,
};
const SAMPLE: Sample = { changesPerSecond: 10_000, rssBytes: 100e6, retainedBytes: 50e6, lagSeconds: 0.1 };
const GOOD: Outcome = { samples: [SAMPLE, SAMPLE, SAMPLE], written: 30, stored: 30, broken: 0, gaps: 0 };
const endingWith = (part: Partial<Sample>): Outcome => ({
  ...GOOD,
  samples: [SAMPLE, SAMPLE, { ...SAMPLE, ...part }],
});

it('the judge finds nothing wrong with a good one', () => {
  expect(judge(GOOD, LIMITS)).toEqual([]);
});

it.each<[string, Outcome, RegExp]>([
  ['slowing down', endingWith({ changesPerSecond: 8_900 }), /drifted by -11 %/],
  ['growing', endingWith({ rssBytes: 140e6 }), /RSS grew from 100 MB to 140 MB/],
  ['too much memory', endingWith({ rssBytes: 301e6 }), /interval 3: RSS 301 MB/],
  ['log piling up', endingWith({ retainedBytes: 600e6 }), /600 MB of log kept/],
  ['falling behind', endingWith({ lagSeconds: 6 }), /6.0 s behind/],
  ['a lost change', { ...GOOD, stored: 29 }, /29 changes stored, 30 written/],
  ['a doubled one', { ...GOOD, stored: 31 }, /31 changes stored, 30 written/],
  ['one lost and another doubled', { ...GOOD, broken: 2 }, /2 changes don't follow/],
  ['a gap', { ...GOOD, gaps: 1 }, /1 gaps/],
  ['no time', { ...GOOD, samples: [SAMPLE] }, /only 1 intervals/],
])('the judge finds %s', (_what, outcome, wanted) => {
  expect(judge(outcome, LIMITS).join('\n')).toMatch(wanted);
});
