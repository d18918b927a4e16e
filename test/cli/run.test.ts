import { createDatabase, dropDatabase } from '@colophon/testkit';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { sql } from './catalog-snapshot.js';
import { colophon, startColophon } from './colophon.js';

let url: string;
let names: string[];
let counter = 0;

beforeEach(async () => {
  url = await createDatabase(inject('serverUrl'));
  names = ['--source', url, '--slot', `cli_run_${counter++}`];
  await sql(url, 'CREATE TABLE todo (id int PRIMARY KEY, title text)');
  expect(await colophon(['init', ...names, '--tables', 'todo'])).toMatchObject({ code: 0 });
});
afterEach(() => dropDatabase(url));

it('takes over the slot when the other consumer ends', async () => {
  const first = startColophon(['run', ...names]);
  await first.said('Reading');
  const second = startColophon(['run', ...names]);
  await second.said('waiting for it');
  await sql(url, `INSERT INTO todo VALUES (1, 'a')`);
  first.child.kill('SIGTERM');
  expect(await first.finished).toMatchObject({ code: 0 });
  await second.said('Reading');
  await sql(url, `INSERT INTO todo VALUES (2, 'b')`);
  // The slot is held: --once waits for it no longer than the timeout, drop not at all.
  const once = await colophon(['run', '--once', ...names, '--timeout', '1']);
  expect(once).toMatchObject({ code: 1 });
  expect(once.stderr).toContain('[SLOT_IN_USE]');
  const drop = await colophon(['drop', '--yes', ...names]);
  expect(drop).toMatchObject({ code: 1 });
  expect(drop.stderr).toContain('[SLOT_IN_USE]');
  expect((await colophon(['status', '--json', ...names])).stdout).toContain('"slot_active":true');
  second.child.kill('SIGINT');
  expect(await second.finished).toMatchObject({ code: 0 });
  expect(await colophon(['run', '--once', ...names])).toMatchObject({ code: 0 });
  expect(
    (await sql(url, 'SELECT after FROM colophon.changes ORDER BY seq')).map(
      (row) => (row.after as { id: number }).id,
    ),
  ).toEqual([1, 2]);
});

it('run --once waits for the slot within the timeout', async () => {
  const first = startColophon(['run', ...names]);
  await first.said('Reading');
  const once = startColophon(['run', '--once', ...names, '--timeout', '30']);
  await once.said('waiting for it');
  first.child.kill('SIGTERM');
  expect(await first.finished).toMatchObject({ code: 0 });
  expect(await once.finished).toMatchObject({ code: 0 });
});

it('goes on after its connections were cut', async () => {
  const run = startColophon(['run', ...names]);
  await run.said('Reading');
  const database = new URL(url).pathname.slice(1);
  await sql(
    inject('serverUrl'),
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
  );
  await run.said('trying again');
  await sql(url, `INSERT INTO todo VALUES (1, 'after the cut')`);
  const tail = startColophon(['tail', '--json', '--source', url]);
  await tail.said('after the cut', 'stdout');
  tail.child.kill('SIGTERM');
  run.child.kill('SIGTERM');
  expect(await run.finished).toMatchObject({ code: 0 });
  await tail.finished;
});

it('reads its settings from variables and a file, flags before them', async () => {
  const fs = await import('node:fs');
  const os = await import('node:os');
  const path = await import('node:path');
  const cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-config-'));
  const slot = names.at(-1)!;
  fs.writeFileSync(
    path.join(cwd, 'colophon.config.ts'),
    `import { defineConfig } from 'colophon';\nconst slot: string = ${JSON.stringify(slot)};\nexport default defineConfig({ source: ${JSON.stringify(url)}, slot, environment: 'from file' });\n`,
  );
  const environment = async (args: string[], env: Record<string, string>) => {
    await sql(url, `INSERT INTO todo SELECT count(*) FROM todo`);
    expect(await colophon(['run', '--once', ...args], { cwd, env })).toMatchObject({ code: 0 });
    return (await sql(url, 'SELECT environment FROM colophon.changes ORDER BY seq DESC LIMIT 1'))[0]
      ?.environment;
  };
  expect(await environment([], {})).toBe('from file');
  expect(await environment([], { COLOPHON_ENVIRONMENT: 'from variable' })).toBe('from variable');
  expect(await environment(['--environment', 'from flag'], { COLOPHON_ENVIRONMENT: 'from variable' })).toBe(
    'from flag',
  );
  fs.rmSync(cwd, { recursive: true });
});
