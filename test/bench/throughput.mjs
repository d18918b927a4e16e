import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { query, ratio, withClient } from './measure.mjs';

const TRANSACTIONS = 60_000;
const ROUNDS = 3;
const here = path.dirname(fileURLToPath(import.meta.url));
const COLOPHON = path.join(here, '..', '..', 'packages', 'cli', 'bin', 'colophon.js');

/**
 * Changes a second from the slot into the store, against pg_recvlogical writing to nowhere and a bare client that
 * reads the same stream and drops it; each over a copy of one slot, in turn.
 */
export async function throughput(server) {
  const url = await createDatabase(server.url());
  const storeUrl = await createDatabase(server.url());
  await query(
    url,
    `CREATE TABLE todo (id int PRIMARY KEY, title text, done boolean, due timestamptz, points numeric);
     INSERT INTO todo SELECT g, repeat('t', 40), false, now(), g * 1.5 FROM generate_series(1, 10000) g;`,
  );
  const env = { ...process.env, DATABASE_URL: url, COLOPHON_STORE_URL: storeUrl };
  await succeed(
    spawn(process.execPath, [COLOPHON, 'init', '--tables', 'todo', '--yes', '--slot', 'bench_base'], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  );
  const changes = await writeWorkload(url);
  const end = (await query(url, 'SELECT pg_current_wal_insert_lsn() AS lsn')).rows[0].lsn;
  // One more commit beyond the end, so that every reader sees something that passes it.
  await query(url, `SELECT pg_logical_emit_message(true, 'bench', '')`);

  const speeds = { bare: [], recvlogical: [], stored: [] };
  const hasRecvlogical = spawnSync('pg_recvlogical', ['--version']).status === 0;
  for (let round = 0; round < ROUNDS; round++) {
    speeds.bare.push(
      changes /
        (await timed(url, `bare_${round}`, (slot) =>
          spawn(process.execPath, [path.join(here, 'bare-client.mjs'), url, slot, end], {
            stdio: ['ignore', 'ignore', 'inherit'],
          }),
        )),
    );
    if (hasRecvlogical)
      speeds.recvlogical.push(
        changes / (await timed(url, `recv_${round}`, (slot) => recvlogical(url, slot, end))),
      );
    speeds.stored.push(
      changes /
        (await timed(url, `stored_${round}`, (slot) =>
          spawn(
            process.execPath,
            [COLOPHON, 'run', '--once', '--slot', slot, '--name', slot, '--timeout', '600'],
            { env, stdio: ['ignore', 'ignore', 'inherit'] },
          ),
        )),
    );
    await checkStored(storeUrl, `stored_${round}`, changes);
    await query(storeUrl, 'CHECKPOINT');
  }
  await dropDatabase(url);
  await dropDatabase(storeUrl);
  const per = (list) => `${Math.round(median(list)).toLocaleString('en')}/s`;
  const against = (list) => ratio(speeds.stored.map((speed, i) => speed / list[i]));
  return [
    {
      what: 'stored end to end',
      value: per(speeds.stored),
      note: `${changes.toLocaleString('en')} changes in ${TRANSACTIONS.toLocaleString('en')} transactions, identity FULL; process start included`,
    },
    hasRecvlogical
      ? {
          what: 'stored against pg_recvlogical to nowhere',
          value: against(speeds.recvlogical),
          target: '≥ 0.9×',
          note: per(speeds.recvlogical),
        }
      : {
          what: 'stored against pg_recvlogical',
          value: 'skipped',
          note: 'pg_recvlogical is not on this machine',
        },
    {
      what: 'stored against a bare client that reads and drops',
      value: against(speeds.bare),
      target: '≥ 0.6×',
      note: per(speeds.bare),
    },
  ];
}

/** Short transactions of 1 to 8 changes, an emission in each, by a procedure: the server writes them faster than any client could. */
async function writeWorkload(url) {
  await query(
    url,
    `CREATE PROCEDURE workload() LANGUAGE plpgsql AS $$
     BEGIN
       FOR i IN 1 .. ${TRANSACTIONS} LOOP
         PERFORM pg_logical_emit_message(true, 'colophon', format('{"user":%s,"endpoint":"PUT /todo/:id","requestId":"%s"}', i % 100, md5(i::text)));
         UPDATE todo SET title = md5(i::text), points = points + 0.1 WHERE id BETWEEN i % 9000 + 1 AND i % 9000 + 1 + i % 8;
         COMMIT;
       END LOOP;
     END $$;
     SET synchronous_commit = off;`,
  );
  await withClient(url, async (client) => {
    await client.query('SET synchronous_commit = off');
    await client.query('CALL workload()');
  });
  let changes = 0;
  for (let i = 1; i <= TRANSACTIONS; i++) changes += 1 + (i % 8);
  return changes;
}

/** Seconds that a process needs to read a fresh copy of the slot. */
async function timed(url, slot, start) {
  await query(url, `SELECT pg_copy_logical_replication_slot('bench_base', '${slot}')`);
  const began = performance.now();
  await succeed(start(slot));
  const seconds = (performance.now() - began) / 1000;
  await query(url, `SELECT pg_drop_replication_slot('${slot}')`);
  return seconds;
}

function recvlogical(url, slot, end) {
  const options = ['proto_version=1', 'publication_names=colophon', 'messages=true'].flatMap((option) => [
    '-o',
    option,
  ]);
  return spawn(
    'pg_recvlogical',
    ['-d', url, '-S', slot, '--start', '-f', '/dev/null', '-E', end, '-F', '0', ...options],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

async function succeed(child) {
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${child.spawnargs.slice(1, 3).join(' ')} ended with ${code}`);
}

async function checkStored(storeUrl, source, changes) {
  const { rows } = await query(
    storeUrl,
    `SELECT count(*)::int AS count, count(*) FILTER (WHERE context ? 'user')::int AS named FROM colophon.changes WHERE source = $1`,
    [source],
  );
  if (rows[0].count !== changes || rows[0].named !== changes)
    throw new Error(`${source}: stored ${rows[0].count}, named ${rows[0].named}, of ${changes}`);
}

function median(list) {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
}
