import { openStore } from '@colophon/store';
import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startColophon } from '../cli/colophon.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const MAJORS: Major[] = process.env.PG_MAJOR ? [Number(process.env.PG_MAJOR) as Major] : [14, 18];

describe.each(MAJORS)('what a publication no longer gives is a gap, on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let database: TrackedDatabase;

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major) });
    database = await trackDatabase(
      server.url(),
      'CREATE TABLE todo (id int PRIMARY KEY); CREATE TABLE "Other, one" (id int PRIMARY KEY)',
      { tables: 'todo,"Other, one"' },
    );
  });
  afterAll(async () => {
    await database.drop();
    await server.stop();
  });

  /** The gaps found since the last call, in words, with the changes that lie outside them. */
  let known = 0;
  async function gaps(): Promise<string[]> {
    await database.once();
    const store = await openStore(database.storeUrl);
    const found = await store.gaps();
    const commits = new Map<string, string>();
    for (const { commit_lsn, identity, is_drop } of await store.ddl()) {
      commits.set(commit_lsn, `${is_drop ? '-' : '+'}${identity}`);
    }
    await store.close();
    const text = (lsn: bigint | null) =>
      lsn === null
        ? '…'
        : commits.get(`${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`.toUpperCase());
    const fresh = found.slice(known);
    known = found.length;
    expect(fresh.every(({ reason }) => reason === 'publication-changed')).toBe(true);
    return fresh.map(
      ({ tables, fromLsn, toLsn }) => `${tables ?? 'all'}: ${text(fromLsn)} to ${text(toLsn)}`,
    );
  }
  const sql = (text: string) => database.client.query(text);

  it('from where a table left to where it came back; what init does is none', async () => {
    expect(await gaps()).toEqual([]);
    await sql('INSERT INTO todo VALUES (1); ALTER PUBLICATION colophon DROP TABLE todo');
    await sql('INSERT INTO todo VALUES (2)');
    const out = '-public.todo in publication colophon';
    expect(await gaps()).toEqual([`public.todo: ${out} to …`]);
    await sql('INSERT INTO todo VALUES (3)');
    await sql('ALTER PUBLICATION colophon ADD TABLE todo');
    await sql('INSERT INTO todo VALUES (4)');
    expect(await gaps()).toEqual([`public.todo: ${out} to +public.todo in publication colophon`]);
    const { rows } = await sql(
      `SELECT string_agg(primary_key, ' ' ORDER BY seq) AS keys FROM colophon.changes`,
    );
    expect(rows[0].keys).toBe('1 4');
  });

  it('of tables by their quoted names, also where both happen before anything is read, and in one transaction', async () => {
    await sql('ALTER PUBLICATION colophon SET TABLE todo');
    await sql(
      'BEGIN; ALTER PUBLICATION colophon ADD TABLE "Other, one"; ALTER PUBLICATION colophon DROP TABLE todo; COMMIT',
    );
    await sql('ALTER PUBLICATION colophon ADD TABLE todo');
    const found = (await gaps()).map(
      (gap) => `${gap.split(':')[0]} ${gap.endsWith('…') ? 'begins' : 'ends'}`,
    );
    expect(found).toEqual([
      'public."Other, one" begins',
      'public."Other, one" ends',
      'public.todo begins',
      'public.todo ends',
    ]);
  });

  it('of all tables where operations are left out', async () => {
    await sql(`ALTER PUBLICATION colophon SET (publish = 'insert')`);
    await sql(`ALTER PUBLICATION colophon SET (publish = 'insert, update')`);
    await sql(`ALTER PUBLICATION colophon SET (publish = 'insert, update, delete, truncate')`);
    expect(await gaps()).toEqual(['all: +colophon to …', 'all: +colophon to +colophon']);
  });

  // Filters came with 15.
  const from15: typeof it | (() => void) = major >= 15 ? it : () => {};
  from15('of a table of which only a part is given', async () => {
    await sql('ALTER PUBLICATION colophon SET TABLE todo WHERE (id > 0), "Other, one"');
    await sql('ALTER PUBLICATION colophon SET TABLE todo, "Other, one"');
    const found = await gaps();
    expect(found.map((gap) => [gap.split(':')[0], gap.endsWith('…')])).toEqual([
      ['public.todo', true],
      ['public.todo', false],
    ]);
  });

  it('of another publication never, nor of a table that is gone', async () => {
    await sql('CREATE TABLE gone (id int PRIMARY KEY); CREATE PUBLICATION another FOR TABLE gone, todo');
    await sql('ALTER PUBLICATION another DROP TABLE todo; DROP PUBLICATION another');
    await sql('ALTER PUBLICATION colophon ADD TABLE gone; DROP TABLE gone');
    expect(await gaps()).toEqual([]);
  });

  it('said at once by run', async () => {
    const run = startColophon(['run', ...database.args]);
    await run.said('Reading');
    await sql('ALTER PUBLICATION colophon DROP TABLE todo');
    await run.said(
      'Gap in the audit (publication-changed): Publication colophon no longer gives all changes of public.todo',
    );
    run.child.kill('SIGTERM');
    expect(await run.finished).toMatchObject({ code: 0 });
    expect(await gaps()).toHaveLength(1);
  });
});
