import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createDatabase } from '@colophon/testkit';
import pg from 'pg';

const FOLDER = fileURLToPath(new URL('../../packages/store/sql/', import.meta.url));
/** Every step of the store's schema, oldest first. */
const STEPS = fs
  .readdirSync(FOLDER)
  .filter((name) => name.endsWith('.sql'))
  .sort()
  .map((name) => fs.readFileSync(FOLDER + name, 'utf8'));

/** The store's version by now. */
export const NEWEST: number = STEPS.length;

// What each version's own code wrote. 2026-11 has partitions from the beginning where it is the time; 2001 never has.
const RECORDS = [
  `INSERT INTO colophon.sources (name, environment, database, system_identifier, slot)
     VALUES ('shop', 'test', 'shop', '18446744073709551615', 'colophon');
   INSERT INTO colophon.segments (id, committed_at, source_id, timeline, commit_lsn, transaction_id, queued_at, context)
     SELECT n, at, 1, 1, '0/100', 700, at, jsonb_build_object('user', n)
     FROM (VALUES (1, now()), (2, timestamptz '2001-01-01Z')) v(n, at);
   INSERT INTO colophon.change_records (committed_at, segment_id, position, sequence, id, operation, "schema", "table",
       primary_key, key, before, after)
     SELECT committed_at, id, 256, id, gen_random_uuid(), 'CREATE', 'public', 'todo', id::text,
       jsonb_build_object('id', id), '{}', '{"title": "t"}' FROM colophon.segments;
   INSERT INTO colophon.positions (source_id, version, system_identifier, timeline, commit_lsn, end_lsn, last_seq,
       last_committed_at, changes) VALUES (1, 3, '18446744073709551615', 1, '0/100', '0/130', 2, now(), 2);
   INSERT INTO colophon.relations VALUES (1, 16400, 'public', 'todo', NULL, NULL, '{id}')`,
  `SELECT colophon.account_position(1, 3, '18446744073709551615', 1, '0/130');
   SELECT colophon.add_gap(1, 'slot-ahead', '0/130', '0/200', 1, 1, '18446744073709551615', '18446744073709551615', NULL, 'x', NULL)`,
  `INSERT INTO colophon.baselines (source_id, system_identifier, relation, "schema", "table", key_columns, columns)
     VALUES (1, '18446744073709551615', 16400, 'public', 'todo', '{id}', 'id int4');
   INSERT INTO colophon.baseline_chunks (baseline_id, chunk, timeline, low_lsn, high_lsn, snapshot, taken_at, rows, is_last)
     VALUES (1, 1, 1, '0/100', '0/100', '700:700:', now(), 1, true);
   INSERT INTO colophon.baseline_rows VALUES (1, 1, 1, '1', '{"id": 1}', '{"id": 1}')`,
  `SELECT colophon.keep_unstored(1, 1, now(), 'context', '22P02', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'x')`,
  `INSERT INTO colophon.ddl_records (seq, source_id, committed_at, queued_at, timeline, commit_lsn, transaction_id, ordinal,
       sequence, position, command, is_drop, context)
     VALUES (nextval('colophon.change_seq'), 1, now(), now(), 1, '0/100', 700, 0, 0, 256, 'ALTER TABLE', false, '{"user": 3}')`,
  `INSERT INTO colophon.signature_nonces VALUES (1, now(), 'app', '{[1,2)}')`,
];

/** A database with a store as that version made and filled it. */
export async function createEarlierStore(serverUrl: string, version: number): Promise<string> {
  const url = await createDatabase(serverUrl);
  await makeEarlierStore(url, version);
  return url;
}

/** Makes and fills the store as that version did, as the role of the URL. */
export async function makeEarlierStore(url: string, version: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE SCHEMA colophon; CREATE TABLE colophon.migrations (
    version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`);
  for (const [index, step] of STEPS.slice(0, version).entries()) {
    await client.query(step);
    await client.query('INSERT INTO colophon.migrations VALUES ($1)', [index + 1]);
  }
  await client.query('SELECT colophon.make_partitions()');
  for (const records of RECORDS.slice(0, version)) await client.query(records);
  await client.end();
}
