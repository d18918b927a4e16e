import { createDatabase, dropDatabase } from '@colophon/testkit';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { catalogSnapshot, sql } from '../cli/catalog-snapshot.js';
import { colophon } from '../cli/colophon.js';

const ROLE = `ddl_init_${process.pid}`;
let url: string;
let ordinary: string;
let store: string;
let before: string;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  store = await createDatabase(inject('serverUrl'));
  const asRole = new URL(url);
  asRole.username = ROLE;
  ordinary = asRole.href;
  await sql(
    url,
    `CREATE ROLE ${ROLE} LOGIN REPLICATION; GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO ${ROLE};
     CREATE TABLE todo (id int PRIMARY KEY); ALTER TABLE todo OWNER TO ${ROLE}`,
  );
  before = await catalogSnapshot(url, 'all');
});
afterAll(async () => {
  await sql(url, `DROP OWNED BY ${ROLE}; DROP ROLE ${ROLE}`);
  await dropDatabase(url);
  await dropDatabase(store);
});

const command = (name: string, source: string, ...args: string[]) =>
  colophon([name, '--source', source, '--store', store, '--slot', ROLE, ...args]);
const init = (source: string, ...args: string[]) => command('init', source, '--tables', 'todo', ...args);
const doctor = async (source: string, ...env: string[]) => {
  const { stdout } = await command('doctor', source, '--json', ...env);
  const checks = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return checks.find(({ name }) => name === 'ddl');
};
const triggers = async () => (await sql(url, 'SELECT evtname FROM pg_event_trigger')).length;

it('a role that may make no event trigger is told so in one line, and everything else is set up', async () => {
  const { code, stderr } = await init(ordinary);
  expect(code).toBe(0);
  expect(stderr.split('\n').filter((line) => line.includes('DDL'))).toEqual([
    `! DDL is not recorded, since role ${ROLE} may not create event triggers: run init once as a superuser to have it, or give --no-ddl.`,
  ]);
  expect(await triggers()).toBe(0);
  expect(await doctor(ordinary)).toMatchObject({
    verdict: 'warn',
    message: expect.stringContaining('no event triggers'),
    remedy: expect.stringContaining('superuser'),
  });
  expect((await init(ordinary, '--no-ddl')).stderr).not.toContain('DDL');
  expect(await triggers()).toBe(0);
});

it('a superuser makes them later; doctor sees one that is disabled or gone, and init mends it', async () => {
  expect((await init(url)).stderr).toContain('event triggers made, DDL is recorded from here on');
  expect(await doctor(ordinary)).toMatchObject({ verdict: 'ok' });
  const made = await catalogSnapshot(url, 'all');
  for (const harm of [
    'ALTER EVENT TRIGGER colophon_ddl DISABLE',
    'DROP EVENT TRIGGER colophon_ddl_drop',
    'DROP FUNCTION colophon.record_ddl() CASCADE',
  ]) {
    await sql(url, harm);
    expect(await doctor(url)).toMatchObject({
      verdict: 'warn',
      remedy: expect.stringMatching(/^colophon init --slot [a-z_0-9]+ --tables [a-z]+$/),
    });
    expect(await init(url)).toMatchObject({ code: 0 });
    expect(await catalogSnapshot(url, 'all')).toBe(made);
  }
});

it('drop takes them away, with the schema that was made for them, where the role owns them', async () => {
  expect((await command('drop', ordinary, '--yes')).stderr).toMatch(
    /event triggers stay, since role .* doesn't own them/,
  );
  expect(await triggers()).toBe(2);
  expect(await command('drop', url, '--yes')).toMatchObject({ code: 0 });
  expect(await catalogSnapshot(url, 'all')).toBe(before);
});
