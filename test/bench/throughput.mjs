import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrateStore } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { colophon, succeed } from './command.mjs';
import { query, ratio, withClient } from './measure.mjs';

const TRANSACTIONS = 120_000;
const ROUNDS = 3;
let copies = 0;
const here = path.dirname(fileURLToPath(import.meta.url));

/**
 * Changes a second from the slot into the store, against pg_recvlogical writing to nowhere and a bare client that
 * reads the same stream and drops it; each over a copy of one slot, in turn. The store has a server of its own: in
 * the source's, the WAL of each round's store would have to be read by the next round (seen: 7 s, 11 s, 16 s, ... 32 s).
 */
export async function throughput(server, startServer) {
  const storeServer = await startServer();
  const url = await createDatabase(server.url());
  await query(
    url,
    `CREATE TABLE todo (id int PRIMARY KEY, title text, done boolean, due timestamptz, points numeric);
     INSERT INTO todo SELECT g, repeat('t', 40), false, now(), g * 1.5 FROM generate_series(1, 10000) g;`,
  );
  await colophon(url, url, 'init', '--tables', 'todo', '--yes', '--slot', 'bench_base');
  const changes = await writeWorkload(url);
  const end = (await query(url, 'SELECT pg_current_wal_insert_lsn() AS lsn')).rows[0].lsn;
  // One more commit beyond the end, so that every reader sees something that passes it.
  await query(url, `SELECT pg_logical_emit_message(true, 'bench', '')`);

  const seconds = { bare: [], recvlogical: [], stored: [] };
  const hasRecvlogical = spawnSync('pg_recvlogical', ['--version']).status === 0;
  for (let round = 0; round < ROUNDS; round++) {
    seconds.bare.push(
      await timed(url, (slot) => succeed(node(path.join(here, 'bare-client.mjs'), url, slot, end))),
    );
    if (hasRecvlogical)
      seconds.recvlogical.push(await timed(url, (slot) => succeed(recvlogical(url, slot, end))));
    const storeUrl = await createDatabase(storeServer.url());
    await migrateStore(storeUrl);
    await query(storeUrl, 'CHECKPOINT');
    seconds.stored.push(
      await timed(url, (slot) =>
        colophon(url, storeUrl, 'run', '--once', '--slot', slot, '--timeout', '600'),
      ),
    );
    await checkStored(storeUrl, changes);
    await dropDatabase(storeUrl);
  }
  await dropDatabase(url);
  const speed = (list) => `${Math.round(changes / median(list)).toLocaleString('en')}/s`;
  const against = (list) => ratio(seconds.stored.map((stored, i) => list[i] / stored));
  return [
    {
      what: 'stored end to end',
      value: speed(seconds.stored),
      note: `${changes.toLocaleString('en')} changes in ${TRANSACTIONS.toLocaleString('en')} transactions, identity FULL; start of the process included`,
    },
    hasRecvlogical
      ? {
          what: 'stored against pg_recvlogical to nowhere',
          value: against(seconds.recvlogical),
          target: '≥ 0.9×',
          note: speed(seconds.recvlogical),
        }
      : {
          what: 'stored against pg_recvlogical',
          value: 'skipped',
          note: 'pg_recvlogical is not on this machine',
        },
    {
      what: 'stored against a bare client that reads and drops',
      value: against(seconds.bare),
      target: '≥ 0.6×',
      note: speed(seconds.bare),
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

/** Seconds that a reader needs for a fresh copy of the slot. */
async function timed(url, read) {
  const slot = `bench_${copies++}`;
  await query(url, `SELECT pg_copy_logical_replication_slot('bench_base', '${slot}')`);
  const began = performance.now();
  await read(slot);
  const seconds = (performance.now() - began) / 1000;
  await dropSlot(url, slot);
  return seconds;
}

/** The server needs a moment to notice that the reader has gone. */
async function dropSlot(url, slot) {
  for (;;) {
    const { rows } = await query(
      url,
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active`,
      [slot],
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function node(...args) {
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function recvlogical(url, slot, end) {
  const options = ['proto_version=1', 'publication_names=colophon', 'messages=true'].flatMap((option) => [
    '-o',
    option,
  ]);
  const args = ['-d', url, '-S', slot, '--start', '-f', '/dev/null', '-E', end, '-F', '0', ...options];
  return spawn('pg_recvlogical', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A fast consumer that loses something would not count. */
async function checkStored(storeUrl, changes) {
  const { rows } = await query(
    storeUrl,
    `SELECT count(*)::int AS count, count(*) FILTER (WHERE context ? 'user')::int AS named FROM colophon.changes`,
  );
  const [{ count, named }] = rows;
  if (count !== changes || named !== changes)
    throw new Error(`stored ${count}, named ${named}, of ${changes}`);
}

function median(list) {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
}
