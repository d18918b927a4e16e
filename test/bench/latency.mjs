import { once } from 'node:events';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { colophon, startColophon } from './command.mjs';
import { percentile, query, withClient } from './measure.mjs';

const PER_SECOND = 500;
const SECONDS = 20;
const WRITERS = 4;

/**
 * From commit to visible audit record, at 500 transactions a second. Both ends are read off the server's clock:
 * the commit's time from the record, visibility by a reader that polls every 2 ms what is there.
 */
export async function latency(server) {
  const url = await createDatabase(server.url());
  await query(
    url,
    'CREATE TABLE todo (id int PRIMARY KEY, title text); INSERT INTO todo SELECT g FROM generate_series(1, 1000) g',
  );
  await colophon(url, url, 'init', '--tables', 'todo', '--yes');
  const consumer = startColophon(url, url, 'run');
  const ended = once(consumer, 'exit');
  try {
    await visible(url, 'warm-up', () => query(url, `UPDATE todo SET title = 'warm-up' WHERE id = 1`));
    const stop = { now: false };
    const watching = watch(url, stop);
    const written = await write(url);
    await visible(url, 'end', () => query(url, `UPDATE todo SET title = 'end' WHERE id = 1`));
    stop.now = true;
    const latencies = await watching;
    const ms = (share) => `${percentile(latencies, share).toFixed(0)} ms`;
    const note = `${latencies.length} records, ${Math.round(written / SECONDS)} transactions a second reached`;
    return [
      {
        what: `commit to visible at ${PER_SECOND} transactions a second, p50`,
        value: ms(0.5),
        target: '≤ 50 ms',
        note,
      },
      {
        what: `commit to visible at ${PER_SECOND} transactions a second, p99`,
        value: ms(0.99),
        target: '≤ 250 ms',
      },
    ];
  } finally {
    consumer.kill('SIGTERM');
    await ended;
    await dropDatabase(url);
  }
}

async function write(url) {
  const pool = new pg.Pool({ connectionString: url, max: WRITERS });
  const began = performance.now();
  let done = 0;
  const writer = async (which) => {
    for (let i = which; i < PER_SECOND * SECONDS; i += WRITERS) {
      const due = began + (i * 1000) / PER_SECOND;
      const wait = due - performance.now();
      if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
      await pool.query(`UPDATE todo SET title = $1 WHERE id = $2`, [`title ${i}`, 1 + (i % 1000)]);
      done++;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, which) => writer(which)));
  await pool.end();
  return done;
}

async function watch(url, stop) {
  return withClient(url, async (client) => {
    const latencies = [];
    let last = (await client.query('SELECT coalesce(max(seq), 0) AS seq FROM colophon.changes')).rows[0].seq;
    while (!stop.now) {
      const { rows } = await client.query(
        `SELECT seq, extract(epoch FROM clock_timestamp() - committed_at) * 1000 AS ms FROM colophon.changes WHERE seq > $1 ORDER BY seq`,
        [last],
      );
      for (const { seq, ms } of rows) {
        latencies.push(Number(ms));
        last = seq;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return latencies;
  });
}

async function visible(url, title, write) {
  await write();
  for (;;) {
    const { rows } = await query(url, `SELECT 1 FROM colophon.changes WHERE after->>'title' = $1`, [title]);
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
