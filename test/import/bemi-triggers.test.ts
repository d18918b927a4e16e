import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { colophon } from '../cli/colophon.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { BEMI_TRIGGERS } from './bemi-changes.js';

/** What the page tells those to run first whose store is to be in the same database. */
const [, MAKES_ROOM] = /^```sql\n(ALTER EVENT TRIGGER [^`]*)```/m.exec(
  fs.readFileSync(path.join(import.meta.dirname, '../../docs/coming-from-bemi.md'), 'utf8'),
)!;
const SCHEMA = `CREATE TABLE todo (id int PRIMARY KEY, title text);
CREATE TABLE item (id int PRIMARY KEY, todo int REFERENCES todo ON DELETE CASCADE);
CREATE TABLE plain (id int PRIMARY KEY);
${BEMI_TRIGGERS}
${MAKES_ROOM}`;
const by = (user: string) => `/*Bemi {"user":"${user}"} Bemi*/`;
let source: TrackedDatabase;

beforeAll(async () => {
  source = await trackDatabase(inject('serverUrl'), SCHEMA, { tables: 'todo,item,plain' });
  await source.client.query('DROP TRIGGER _bemi_row_trigger_plain ON plain');
});
afterAll(() => source?.drop());

/** What was stored since it was last asked: who, what, which row. */
async function stored(): Promise<string[]> {
  const run = await colophon(['run', '--once', ...source.args, '--prefix', 'colophon,_bemi']);
  expect(run.code, run.stderr).toBe(0);
  const { rows } = await source.client.query(
    `SELECT coalesce(context ->> 'user', '-') || ' ' || operation || ' ' || "table" || ' ' || primary_key AS row
     FROM colophon.changes WHERE seq > $1 ORDER BY seq`,
    [seen],
  );
  const last = await source.client.query('SELECT coalesce(max(seq), 0) AS seq FROM colophon.changes');
  seen = last.rows[0].seq;
  return rows.map(({ row }) => row);
}
let seen = '0';

it("names each row that a statement with Bemi's comment writes", async () => {
  await source.client.query(`INSERT INTO todo VALUES (1, 'a'), (2, 'b') ${by('anna')}`);
  await source.client.query(`INSERT INTO item VALUES (1, 1), (2, 1) ${by('ben')}`);
  await source.client.query(`DELETE FROM todo WHERE id = 1 ${by('anna')}`);
  expect(await stored()).toEqual([
    'anna CREATE todo 1',
    'anna CREATE todo 2',
    'ben CREATE item 1',
    'ben CREATE item 2',
    'anna DELETE todo 1',
    'anna DELETE item 1',
    'anna DELETE item 2',
  ]);
});

it('gives that name to no other row of the transaction: those have none, or what Colophon itself said', async () => {
  await source.client.query(`BEGIN; UPDATE todo SET title = 'c' WHERE id = 2 ${by('anna')}`);
  await source.client.query("INSERT INTO todo VALUES (3, 'nobody')");
  await source.client.query('INSERT INTO plain VALUES (1)');
  await source.client.query(`INSERT INTO todo VALUES (4, 'd') ${by('ben')}`);
  await source.client.query('COMMIT');
  await source.client.query(`BEGIN; SELECT pg_logical_emit_message(true, 'colophon', '{"user":"carl"}')`);
  await source.client.query(`INSERT INTO todo VALUES (5, 'e') ${by('anna')}`);
  await source.client.query('INSERT INTO plain VALUES (2)');
  await source.client.query('COMMIT');
  expect(await stored()).toEqual([
    'anna UPDATE todo 2',
    '- CREATE todo 3',
    '- CREATE plain 1',
    'ben CREATE todo 4',
    'anna CREATE todo 5',
    'carl CREATE plain 2',
  ]);
});

it('reads what an application says whose context is null, or isn’t JSON, without taking it for a name', async () => {
  await source.client.query(`INSERT INTO todo VALUES (6, 'f') /*Bemi null Bemi*/`);
  await source.client.query(`INSERT INTO todo VALUES (7, 'g') /*Bemi {"user": Bemi*/`);
  await stored();
  const { rows } = await source.client.query(
    "SELECT context FROM colophon.changes WHERE primary_key IN ('6', '7') ORDER BY seq",
  );
  expect(rows.map(({ context }) => context)).toEqual([{}, { 'colophon.error': 'emission is not JSON' }]);
});

it('prints the SQL that takes from the source what is of Bemi, and only that', async () => {
  const { client } = source;
  await client.query("SELECT pg_create_logical_replication_slot('bemi', 'pgoutput')");
  await client.query(`CREATE PUBLICATION bemi FOR TABLE todo;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER touch BEFORE UPDATE ON todo FOR EACH ROW EXECUTE FUNCTION touch()`);
  const left = async () => {
    const { rows } = await client.query(`SELECT tgname AS name FROM pg_trigger WHERE NOT tgisinternal
      UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      UNION ALL SELECT evtname FROM pg_event_trigger UNION ALL SELECT pubname FROM pg_publication
      UNION ALL SELECT slot_name FROM pg_replication_slots WHERE database = current_database() ORDER BY 1`);
    return rows.map(({ name }) => name as string);
  };
  const before = await left();
  expect(before.filter((name) => name.includes('bemi'))).toHaveLength(8);
  const print = () => colophon(['import', 'bemi', '--print-cleanup', '--source', source.url]);
  const { code, stdout, stderr } = await print();
  expect(code, stderr).toBe(0);
  expect(await left()).toEqual(before);
  // As psql runs a file: statement by statement.
  for (const statement of stdout.split(/;\n/)) await client.query(statement);
  expect(await left()).toEqual(before.filter((name) => !name.includes('bemi')));
  const again = await print();
  expect([again.code, again.stdout]).toEqual([0, '']);
  expect(again.stderr).toContain('Nothing of Bemi is in this database');
  await client.query("UPDATE todo SET title = 'still' WHERE id = 2");
  expect(await stored()).toEqual(['- UPDATE todo 2']);
});
