import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openSlot } from './decoded.js';

const here = path.dirname(fileURLToPath(import.meta.url));
const run = promisify(execFile);

let url: string;
let slot: Awaited<ReturnType<typeof openSlot>>;
let folder: string;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  slot = await openSlot(url, 'register');
  await slot.client.query('CREATE TABLE t (v text)');
  await slot.rows();
  folder = fs.mkdtempSync(path.join(here, 'register-'));
});
afterAll(async () => {
  fs.rmSync(folder, { recursive: true });
  await slot.close();
  await dropDatabase(url);
});

const BODY = `
  async function write(Pool, Client) {
    const pool = new Pool({ connectionString: process.argv[2], max: 1 });
    await runWithContext({ by: 'pool' }, () => pool.query("INSERT INTO t VALUES ('pool')"));
    const client = await runWithContext({ by: 'connect' }, () => pool.connect());
    await runWithContext({ by: 'client' }, () => client.query("INSERT INTO t VALUES ('client')"));
    client.release();
    await pool.end();
    const alone = new Client({ connectionString: process.argv[2] });
    const early = runWithContext({ by: 'early' }, () => alone.query("INSERT INTO t VALUES ('early')"));
    await alone.connect();
    await early;
    await alone.end();
  }
`;

const APPLICATIONS: Record<string, string> = {
  'commonjs.cjs': `
    require('@colophon/pg/register');
    const { runWithContext } = require('@colophon/context');
    const { Pool, Client } = require('pg');
    ${BODY}
    write(Pool, Client);`,
  'module.mjs': `
    import '@colophon/pg/register';
    import { runWithContext } from '@colophon/context';
    import pg, { Pool } from 'pg';
    ${BODY}
    await write(Pool, pg.Client);`,
  'afterwards.mjs': `
    import { runWithContext } from '@colophon/context';
    import pg, { Pool, Client } from 'pg';
    class Own extends Pool {}
    ${BODY}
    await import('@colophon/pg/register');
    await write(Own, Client);`,
  'second-copy.cjs': `
    require('@colophon/pg/register');
    const { runWithContext } = require('@colophon/context');
    ${BODY}
    const { Pool, Client } = require('pg-other-copy');
    write(Pool, Client);`,
  'second-copy.mjs': `
    import '@colophon/pg/register';
    import { runWithContext } from '@colophon/context';
    ${BODY}
    const { Pool, Client } = (await import('pg-other-copy')).default;
    await write(Pool, Client);`,
};

describe('@colophon/pg/register', () => {
  for (const [file, source] of Object.entries(APPLICATIONS)) {
    it(`instruments every Pool and Client: ${file}`, async () => {
      const application = path.join(folder, file);
      fs.writeFileSync(application, source);
      const { stderr } = await run(process.execPath, [application, url]);
      expect(stderr).toBe('');
      const rows = await slot.rows();
      expect(rows.map((row) => JSON.parse(row.context).by)).toEqual(['pool', 'client', 'early']);
    });
  }

  it('names who wrote also where the application lies elsewhere than its working directory', async () => {
    const application = path.join(folder, 'commonjs.cjs');
    const { stderr } = await run(process.execPath, [application, url], { cwd: path.parse(here).root });
    expect(stderr).toBe('');
    expect(await slot.rows()).toHaveLength(3);
  });
});
