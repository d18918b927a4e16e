// `npm run soak -- --minutes 30`: a mixed workload at a steady rate near what the machine can do; ends with 1 where
// throughput, memory or kept log don't stay as they are, or anything isn't stored exactly once. Linux only.
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createDatabase, launchPostgres } from '@colophon/testkit';
import { colophon, startColophon } from '../bench/command.mjs';
import { query, withClient } from '../bench/measure.mjs';
import { judge } from './judge.mjs';
import { Sampler } from './sampler.mjs';
import { SCHEMA, Writers } from './workload.mjs';

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    /** Length of an interval. */
    interval: { type: 'string', default: '60' },
    /** Changes a second; default `load` of what was measured first. */
    rate: { type: 'string' },
    load: { type: 'string', default: '0.8' },
    tolerance: { type: 'string', default: '0.1' },
    /** The longest that the store may be behind at an interval's end. */
    lag: { type: 'string', default: '5' },
  },
});
const INTERVAL_MS = Number(flags.interval) * 1000;
const INTERVALS = Math.round((Number(flags.minutes) * 60_000) / INTERVAL_MS);
const LIMITS = {
  tolerance: Number(flags.tolerance),
  rssSlackBytes: 20e6,
  rssBytes: 300e6,
  retainedBytes: 512e6,
  lagSeconds: Number(flags.lag),
};
const CALIBRATION_MS = 10_000;
/** So much may be unstored while what the machine can do is measured. */
const CALIBRATION_BACKLOG = 20_000;
const TICK_MS = 200;
const SLOT = 'soak';

const major = process.env.PG_MAJOR ?? '18';
const here = path.dirname(fileURLToPath(import.meta.url));
const native = fs.realpathSync(path.join(here, '..', 'node_modules', `pg${major}`, 'native'));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The store has a server of its own, as where it matters: its log isn't read by the source's walsender.
const servers = [
  await launchPostgres({ native }),
  await launchPostgres({ native, settings: { max_wal_size: '4GB' } }),
];
let run;
try {
  const [url, storeUrl] = [await createDatabase(servers[0].url()), await createDatabase(servers[1].url())];
  await query(url, SCHEMA);
  await colophon(url, storeUrl, 'init', '--tables', 'soak_row', '--yes', '--slot', SLOT);
  run = startColophon(url, storeUrl, 'run', '--slot', SLOT);
  const sampler = new Sampler({ url, storeUrl, slot: SLOT, pid: run.pid });
  await sampler.open();
  const outcome = await soak(url, storeUrl, sampler);
  await sampler.end();
  const { rows } = await query(storeUrl, 'SELECT pg_database_size(current_database())::float8 AS bytes');
  console.log(`the store has ${(rows[0].bytes / 1e9).toFixed(1)} GB`);
  const faults = judge(outcome, LIMITS);
  for (const fault of faults) console.log(`✗ ${fault}`);
  if (faults.length === 0) console.log(`✓ ${outcome.stored} changes, each stored once and in order`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  run?.kill('SIGTERM');
  if (run !== undefined && run.exitCode === null) await once(run, 'exit');
  for (const server of servers) await server.stop();
}

async function soak(url, storeUrl, sampler) {
  let stored = 0;
  const writers = new Writers(url, (written) => written - stored < CALIBRATION_BACKLOG);
  const untilMs = async (endAtMs) => {
    while (performance.now() < endAtMs) {
      stored = await sampler.stored();
      await pause(TICK_MS / 4);
    }
    return { stored, atMs: performance.now() };
  };
  const warm = await untilMs(performance.now() + CALIBRATION_MS / 3);
  const end = await untilMs(warm.atMs + CALIBRATION_MS);
  const most = (end.stored - warm.stored) / ((end.atMs - warm.atMs) / 1000);
  const rate = flags.rate === undefined ? most * Number(flags.load) : Number(flags.rate);
  console.log(
    `PostgreSQL ${major}: ${Math.round(most)} changes/s at the most; ${flags.minutes} minutes at ${Math.round(rate)}`,
  );

  // What is left of it would pass for throughput.
  writers.mayWrite = () => false;
  await writers.idle();
  await storedAll(sampler, writers.written);
  const startedAt = performance.now();
  const before = writers.written;
  writers.mayWrite = (written) => written - before < ((performance.now() - startedAt) / 1000) * rate;
  const samples = [];
  for (let at = 1; at <= INTERVALS; at++) {
    samples.push(await interval(sampler, startedAt + at * INTERVAL_MS));
    console.log(line(at, samples.at(-1)));
  }
  const written = await writers.stop();
  await storedAll(sampler, written);
  return { samples, written, ...(await check(url, storeUrl)) };
}

/** Waits for the store; one that never comes so far is the caller's timeout to end. */
async function storedAll(sampler, written) {
  while ((await sampler.stored()) < written) {
    if (run.exitCode !== null) throw new Error(`colophon run ended with ${run.exitCode}`);
    await pause(TICK_MS / 4);
  }
}

/** Watches until then. */
async function interval(sampler, endAtMs) {
  const startedAt = performance.now();
  const storedBefore = await sampler.stored();
  let rssBytes = 0;
  let retainedBytes = 0;
  while (performance.now() < endAtMs) {
    if (run.exitCode !== null) throw new Error(`colophon run ended with ${run.exitCode}`);
    rssBytes = Math.max(rssBytes, sampler.rss());
    retainedBytes = Math.max(retainedBytes, (await sampler.standing()).retainedBytes);
    await pause(Math.min(TICK_MS, Math.max(0, endAtMs - performance.now())));
  }
  const changesPerSecond =
    ((await sampler.stored()) - storedBefore) / ((performance.now() - startedAt) / 1000);
  const { lagSeconds } = await sampler.standing();
  return { changesPerSecond, rssBytes, retainedBytes, lagSeconds };
}

/** Reads everything that was stored, and holds it against the rows as they are at the source. */
async function check(url, storeUrl) {
  return withClient(storeUrl, async (store) => {
    await store.query(`SET work_mem = '256MB'`);
    const { rows } = await store.query(`
      WITH chain AS (
        SELECT primary_key, seq, operation, (before ->> 'version')::int AS before, (after ->> 'version')::int AS after,
               lag((after ->> 'version')::int) OVER w AS previous, row_number() OVER w AS place, lead(seq) OVER w IS NULL AS is_last
        FROM colophon.changes WINDOW w AS (PARTITION BY primary_key ORDER BY seq)
      )
      SELECT count(*)::float8 AS stored,
             count(*) FILTER (WHERE CASE WHEN operation = 'CREATE' THEN place <> 1 OR after <> 1
                                         WHEN place = 1 THEN before <> 0
                                         ELSE before IS DISTINCT FROM previous END
                                 OR (operation = 'UPDATE' AND after <> before + 1))::float8 AS broken,
             count(*) FILTER (WHERE is_last AND operation <> 'DELETE')::float8 AS rows,
             coalesce(sum(after) FILTER (WHERE is_last AND operation <> 'DELETE'), 0)::float8 AS versions
      FROM chain`);
    const [{ stored, broken, rows: rowsLeft, versions }] = rows;
    const { rows: now } = await query(
      url,
      'SELECT count(*)::float8 AS rows, coalesce(sum(version), 0)::float8 AS versions FROM soak_row WHERE version > 0',
    );
    const isWhole = rowsLeft === now[0].rows && versions === now[0].versions;
    if (!isWhole)
      console.log(
        `the source has ${JSON.stringify(now[0])}, the store ${JSON.stringify({ rows: rowsLeft, versions })}`,
      );
    return { stored, broken: broken + (isWhole ? 0 : 1), gaps: await countGaps(store) };
  });
}

async function countGaps(store) {
  const { rows: known } = await store.query(`SELECT to_regclass('colophon.gaps') IS NOT NULL AS known`);
  if (!known[0].known) return 0;
  const { rows } = await store.query('SELECT count(*)::int AS gaps FROM colophon.gaps');
  return rows[0].gaps;
}

function line(number, { changesPerSecond, rssBytes, retainedBytes, lagSeconds }) {
  return [
    `${String(number).padStart(3)}:`,
    `${Math.round(changesPerSecond)} changes/s,`.padStart(18),
    `RSS ${(rssBytes / 1e6).toFixed(0)} MB,`.padStart(12),
    `${(retainedBytes / 1e6).toFixed(0)} MB of log kept,`.padStart(22),
    `${lagSeconds.toFixed(2)} s behind`.padStart(15),
  ].join(' ');
}
