import { createDatabase, dropDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { catalogSnapshot, sql } from '../cli/catalog-snapshot.js';
import { colophon, startColophon } from '../cli/colophon.js';
import { type Major, nativeDir } from '../embedded-postgres.js';

const SCHEMA =
  'CREATE TABLE todo (id int PRIMARY KEY, title text); CREATE TABLE invoice (id int PRIMARY KEY)';
const ROWS = 40;

let second: PostgresServer;
let store: string;
/** Two databases of one name on two servers, and another one of the first. */
let production: string;
let staging: string;
let billing: string;
const made: string[] = [];

beforeAll(async () => {
  second = await launchPostgres({ native: nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major) });
  staging = await createDatabase(second.url());
  const name = new URL(staging).pathname.slice(1);
  await sql(inject('serverUrl'), `CREATE DATABASE ${name}`);
  const url = new URL(inject('serverUrl'));
  url.pathname = name;
  production = url.href;
  billing = await createDatabase(inject('serverUrl'));
  store = await createDatabase(inject('serverUrl'));
  made.push(production, billing, store);
  for (const database of [production, staging, billing]) await sql(database, SCHEMA);
});
afterAll(async () => {
  await second?.stop();
  for (const database of made) await dropDatabase(database);
});

const SLOT = 'several_app';
const labelled = (url: string, environment: string, slot = SLOT) => {
  const names = ['--source', url, '--store', store, '--slot', slot];
  return environment === '' ? names : [...names, '--environment', environment];
};
const succeed = async (...args: string[]) => {
  const done = await colophon(args);
  expect(done, done.stderr).toMatchObject({ code: 0 });
  return done;
};
/** A command that fails, and what it says last. */
const refused = async (...args: string[]) => {
  const { code, stderr } = await colophon(args);
  expect(code, stderr).toBe(1);
  return stderr.trim().split('\n').at(-1)!;
};
const rowsOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
const held = () =>
  sql(
    store,
    `SELECT environment, database = '${new URL(production).pathname.slice(1)}' AS "isApp", count(*)::int AS changes,
            count(DISTINCT seq)::int AS numbers, array_agg(seq ORDER BY seq) = array_agg(seq ORDER BY commit_lsn, sequence) AS "isInOrder"
       FROM colophon.changes GROUP BY 1, 2 ORDER BY 1`,
  );
const gaps = () => sql(store, 'SELECT source, environment, reason FROM colophon.gaps ORDER BY id');

describe('several sources, one store', () => {
  it('init of a second source makes no second store; a slot is of the whole server', async () => {
    await succeed('init', ...labelled(production, 'production'), '--tables', 'todo');
    const other = await succeed('init', ...labelled(staging, 'staging'), '--tables', 'todo');
    expect(other.stderr).not.toContain('Store at version');
    expect(await refused('init', ...labelled(billing, 'billing'), '--tables', 'todo')).toMatch(
      /choose another --slot.*\[SLOT_WRONG_DATABASE\]$/,
    );
    await succeed('init', ...labelled(billing, 'billing', 'several_billing'), '--tables', 'todo');
    expect(await gaps()).toEqual([]);
  });

  it('three consumers at once: each change once, under its own label, in the order of its source', async () => {
    const sources = [
      ['production', production, SLOT],
      ['staging', staging, SLOT],
      ['billing', billing, 'several_billing'],
    ] as const;
    // What is stored before a tail is there is among its first lines.
    const lines = String(ROWS + 1);
    const tails = sources.map(([environment]) =>
      startColophon(['tail', '--store', store, '--environment', environment, '--json', '--lines', lines]),
    );
    const runs = sources.map(([environment, url, slot]) =>
      startColophon(['run', ...labelled(url, environment, slot)]),
    );
    await Promise.all(
      sources.map(async ([environment, url], at) => {
        const inserts = Array.from(
          { length: ROWS },
          (_, id) => `INSERT INTO todo VALUES (${id + 1}, '${environment}')`,
        );
        await sql(url, ...inserts, `INSERT INTO todo VALUES (0, 'last of ${environment}')`);
        await tails[at]!.said(`last of ${environment}`, 'stdout');
      }),
    );
    for (const one of [...runs, ...tails]) one.child.kill('SIGTERM');
    for (const one of [...runs, ...tails]) expect(await one.finished).toMatchObject({ code: 0 });
    const whole = { changes: ROWS + 1, numbers: ROWS + 1, isInOrder: true };
    expect(await held()).toEqual([
      { environment: 'billing', isApp: false, ...whole },
      { environment: 'production', isApp: true, ...whole },
      { environment: 'staging', isApp: true, ...whole },
    ]);
    for (const [at, [environment]] of sources.entries()) {
      const titles = new Set(rowsOf((await tails[at]!.finished).stdout).map((row) => row.after.title));
      expect(titles).toEqual(new Set([environment, `last of ${environment}`]));
    }
    expect(await gaps()).toEqual([]);
  });

  it('log and status show one of them alone', async () => {
    const { stdout } = await succeed('log', '--store', store, '--environment', 'staging', '--json');
    expect(rowsOf(stdout)).toHaveLength(ROWS + 1);
    const name = new URL(billing).pathname.slice(1);
    expect(rowsOf((await succeed('log', '--store', store, '--name', name, '--json')).stdout)).toHaveLength(
      ROWS + 1,
    );
    // A gap of staging's is nobody else's.
    await sql(staging, 'INSERT INTO todo VALUES (-1)');
    await sql(staging, `SELECT pg_replication_slot_advance('${SLOT}', pg_current_wal_lsn())`);
    await succeed('run', '--once', ...labelled(staging, 'staging'));
    expect(await gaps()).toMatchObject([{ environment: 'staging', reason: 'slot-ahead' }]);
    const statusOf = async (...args: string[]) => {
      const { store: sources, gaps: found } = JSON.parse((await succeed('status', ...args, '--json')).stdout);
      return {
        environments: sources.map((one: { environment: string }) => one.environment),
        gaps: found.length,
      };
    };
    const unlabelled = labelled(production, '');
    expect((await statusOf(...unlabelled)).environments.sort()).toEqual(['billing', 'production', 'staging']);
    expect(await statusOf(...unlabelled, '--environment', 'production')).toEqual({
      environments: ['production'],
      gaps: 0,
    });
    expect(await statusOf(...labelled(staging, 'staging'))).toEqual({ environments: ['staging'], gaps: 1 });
    const text = (await succeed('status', ...labelled(production, 'production'))).stdout;
    expect(text).toContain('(production)');
    expect(text).not.toContain('(staging)');
  });

  it('another server under a name that is there is refused before anything is changed, and so is its run', async () => {
    const url = await createDatabase(second.url());
    await sql(url, SCHEMA);
    const name = new URL(url).pathname.slice(1);
    const twin = await createTwin(name);
    await succeed('init', ...labelled(twin, 'production', 'several_twin'), '--tables', 'todo', '--yes');
    await sql(twin, 'INSERT INTO todo VALUES (1)');
    await succeed('run', '--once', ...labelled(twin, 'production', 'several_twin'));
    const before = [
      await catalogSnapshot(url),
      await sql(store, 'SELECT * FROM colophon.positions ORDER BY 1'),
    ];
    const mistaken = labelled(url, 'production', 'several_twin');
    expect(await refused('init', ...mistaken, '--tables', 'todo')).toMatch(
      /last stored 20.*--name or --environment of its own.*--yes.*Nothing was changed\. \[SOURCE_CHANGED\]$/,
    );
    expect([
      await catalogSnapshot(url),
      await sql(store, 'SELECT * FROM colophon.positions ORDER BY 1'),
    ]).toEqual(before);
    // Set up under a label of its own, and run under the other's.
    await succeed('init', ...labelled(url, 'staging', 'several_twin'), '--tables', 'todo');
    await sql(url, 'INSERT INTO todo VALUES (1)');
    expect(await refused('run', '--once', ...mistaken)).toMatch(/\[SOURCE_CHANGED\]$/);
    await succeed('run', '--once', ...labelled(url, 'staging', 'several_twin'));
    // Whose name it is goes on.
    await sql(twin, 'INSERT INTO todo VALUES (2)');
    await succeed('run', '--once', ...labelled(twin, 'production', 'several_twin'));
    expect(
      await sql(
        store,
        `SELECT environment, primary_key FROM colophon.changes WHERE database = '${name}' ORDER BY 1, 2`,
      ),
    ).toEqual([
      { environment: 'production', primary_key: '1' },
      { environment: 'production', primary_key: '2' },
      { environment: 'staging', primary_key: '1' },
    ]);
    // What was meant is done: the other took its place.
    expect((await succeed('init', ...mistaken, '--tables', 'todo', '--yes')).stderr).toContain(
      '(source-replaced)',
    );
    await succeed('drop', '--yes', ...labelled(twin, 'production', 'several_twin'));
    await succeed('drop', '--yes', ...labelled(url, 'staging', 'several_twin'));
  });

  it('two publications and slots of one database are two sources, or refused: one would pass over what the other has to deliver', async () => {
    const invoices = [...labelled(billing, 'billing', 'several_invoices'), '--publication', 'invoices'];
    expect(await refused('init', ...invoices, '--tables', 'invoice')).toMatch(
      /slot several_billing, which is there.*--name or --environment.*Nothing was changed\. \[STORE_BUSY\]$/,
    );
    expect(await sql(billing, "SELECT FROM pg_publication WHERE pubname = 'invoices'")).toEqual([]);
    await succeed('init', ...invoices, '--name', 'invoices', '--tables', 'invoice');
    await sql(billing, 'INSERT INTO invoice VALUES (1)', "UPDATE todo SET title = 'later' WHERE id = 1");
    // Todos are stored beyond the invoice, which is still to come.
    await succeed('run', '--once', ...labelled(billing, 'billing', 'several_billing'));
    expect(await refused('run', '--once', ...invoices)).toMatch(
      /slot several_billing, which is there.*\[STORE_BUSY\]$/,
    );
    await succeed('run', '--once', ...invoices, '--name', 'invoices');
    expect(
      await sql(
        store,
        `SELECT source, "table", primary_key FROM colophon.changes WHERE source = 'invoices' OR operation = 'UPDATE' ORDER BY 1`,
      ),
    ).toEqual(
      [
        { source: 'invoices', table: 'invoice', primary_key: '1' },
        { source: new URL(billing).pathname.slice(1), table: 'todo', primary_key: '1' },
      ].sort((a, b) => (a.source < b.source ? -1 : 1)),
    );
    await succeed('drop', '--yes', ...invoices);
  });

  it('drop of one leaves the others, and the store as long as there are others in it', async () => {
    expect(await refused('drop', '--yes', '--store-too', ...labelled(staging, 'staging'))).toMatch(
      /other sources, too: .*\(production\).*--every-source.*Nothing was changed\. \[INVALID_OPTION\]$/,
    );
    await succeed('drop', '--yes', ...labelled(staging, 'staging'));
    await sql(production, "UPDATE todo SET title = 'still here' WHERE id = 1");
    await succeed('run', '--once', ...labelled(production, 'production'));
    const { stdout } = await succeed(
      'log',
      '--store',
      store,
      '--environment',
      'production',
      '--limit',
      '1',
      '--json',
    );
    expect(rowsOf(stdout)).toMatchObject([{ after: { title: 'still here' } }]);
    expect(
      rowsOf((await succeed('log', '--store', store, '--environment', 'staging', '--json')).stdout).length,
    ).toBeGreaterThan(ROWS);
    await succeed('drop', '--yes', ...labelled(billing, 'billing', 'several_billing'));
    await succeed('drop', '--yes', '--store-too', '--every-source', ...labelled(production, 'production'));
    expect(await sql(store, "SELECT to_regnamespace('colophon') AS store")).toEqual([{ store: null }]);
  });
});

/** A database of this name on the first server. */
async function createTwin(name: string): Promise<string> {
  await sql(inject('serverUrl'), `CREATE DATABASE ${name}`);
  const url = new URL(inject('serverUrl'));
  url.pathname = name;
  made.push(url.href);
  await sql(url.href, SCHEMA);
  return url.href;
}
