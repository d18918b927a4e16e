import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { redactedHash } from '@colophon/protocol';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { colophon, startColophon } from '../cli/colophon.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { listenFlag, page } from '../watch/pages.js';

const SECRET = 'S3CRET-hash-key-0123456789';
const OLD = { id: 'old', secret: 'S3CRET-older-key-0123456789' };
const SIGNING = 'S3CRET-signing-key-0123456789';
const hash = (text: string) => redactedHash(text, { id: 'new', secret: SECRET });

let tracked: TrackedDatabase;
let folder: string;
beforeAll(async () => {
  tracked = await trackDatabase(
    inject('serverUrl'),
    'CREATE TABLE person (mail text PRIMARY KEY, pin text); CREATE TABLE line (mail text, n int, PRIMARY KEY (mail, n))',
    { tables: 'person,line' },
  );
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-redact-'));
  fs.writeFileSync(path.join(folder, 'hash-key'), `${SECRET}\n`);
  fs.writeFileSync(path.join(folder, 'signing-key'), SIGNING);
});
afterAll(async () => {
  fs.rmSync(folder, { recursive: true });
  await tracked.drop();
});

const configure = (config: object) =>
  fs.writeFileSync(path.join(folder, 'colophon.config.json'), JSON.stringify(config));
const REDACT = {
  tables: { person: { mail: 'hash', pin: 'drop' }, line: { mail: 'hash' } },
  context: { token: 'drop' },
  key: [
    { id: 'new', file: path.join('hash-key') },
    { id: 'old', env: 'OLD_KEY' },
  ],
};
const SIGNATURE = { keys: [{ id: 'k1', file: 'signing-key' }], windowSeconds: 600 };

/** Runs a command in the folder; what it says never holds what is hidden or a key. */
async function run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { OLD_KEY: OLD.secret };
  const result = await colophon([...args, '--source', tracked.url], { cwd: folder, env });
  expect(result.stdout + result.stderr).not.toContain('S3CRET');
  return result;
}
const slot = () => ['--slot', tracked.slot];
const logged = async (...args: string[]) => {
  const { stdout } = await run('log', '--json', ...args);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
};

describe('the command', () => {
  it('redacts what it stores, finds it by its hidden key, and verifies signatures', async () => {
    configure({ redact: REDACT, signature: SIGNATURE });
    await tracked.client.query(`BEGIN; SELECT pg_logical_emit_message(true, 'colophon', '{"user":1,"token":"S3CRET"}');
      INSERT INTO person VALUES ('S3CRET@mail', 'S3CRET'); INSERT INTO line VALUES ('S3CRET@mail', 1); COMMIT`);
    const { code, stderr } = await run('run', '--once', ...slot());
    expect(code).toBe(0);
    expect(stderr).toContain('1 context is not verified (1 unsigned), the last in transaction');
    const [change, ...more] = await logged('--table', 'person', '--key', 'S3CRET@mail');
    expect(more).toEqual([]);
    expect(change).toMatchObject({
      primary_key: hash('S3CRET@mail'),
      key: { mail: hash('S3CRET@mail') },
      after: { mail: hash('S3CRET@mail') },
      context: { user: 1 },
      verified: false,
    });
    expect(await logged('--table', 'line', '--key', '{"mail":"S3CRET@mail","n":1}')).toHaveLength(1);
    expect(await logged('--table', 'person', '--key', 'other@mail')).toEqual([]);
  });

  it('redacts what it copies, and nothing of it is in logs or metrics', async () => {
    const copied = await run('snapshot', 'person', 'line', '--json', ...slot());
    expect(copied.code).toBe(0);
    const { rows } = await tracked.client.query(
      'SELECT primary_key, after FROM colophon.baseline ORDER BY "table"',
    );
    expect(rows).toEqual([
      {
        primary_key: `{"n": 1, "mail": "${hash('S3CRET@mail')}"}`,
        after: { mail: hash('S3CRET@mail'), n: 1 },
      },
      { primary_key: hash('S3CRET@mail'), after: { mail: hash('S3CRET@mail') } },
    ]);
    const { flag, port } = await listenFlag();
    const watched = startColophon(['run', '--source', tracked.url, ...slot(), ...flag, '--log', 'json'], {
      cwd: folder,
      env: { OLD_KEY: OLD.secret },
    });
    await watched.said('Reading');
    await tracked.client.query(`BEGIN; SELECT pg_logical_emit_message(true, 'colophon', '{"token":"S3CRET"}');
      UPDATE person SET pin = 'S3CRET-new'; COMMIT`);
    await watched.said('not verified');
    const { text } = await page(port, '/metrics');
    watched.child.kill('SIGTERM');
    const { stdout, stderr } = await watched.finished;
    expect(text).toMatch(/^colophon_unverified_contexts_total 1$/m);
    expect(stderr).toContain('"level":"warn"');
    expect(text + stdout + stderr).not.toContain('S3CRET');
  });

  it('finds what was hashed with the key before', async () => {
    configure({ redact: { ...REDACT, key: { id: 'old', env: 'OLD_KEY' } } });
    await tracked.client.query(`INSERT INTO person VALUES ('S3CRET@old', 'S3CRET')`);
    expect((await run('run', '--once', ...slot())).code).toBe(0);
    configure({ redact: REDACT });
    const found = await logged('--table', 'person', '--key', 'S3CRET@old');
    expect(found.map((change) => change.primary_key)).toEqual([redactedHash('S3CRET@old', OLD)]);
  });

  it('says in doctor what it will do, and what it cannot', async () => {
    configure({ redact: REDACT, signature: SIGNATURE });
    const { stdout } = await run('doctor', '--json', ...slot());
    const checks = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    expect(checks).toContainEqual(
      expect.objectContaining({
        name: 'redaction',
        verdict: 'ok',
        message: '3 column rules, 1 context rules',
      }),
    );
    expect(checks).toContainEqual(
      expect.objectContaining({ name: 'signature', verdict: 'ok', message: 'asked for, accepted keys: k1' }),
    );
    configure({ redact: { tables: { person: { pni: 'drop' }, persn: { pin: 'mask' } } } });
    const wrong = await run('doctor', ...slot());
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(
      /table person has no column pni; there is no table persn.*\[REDACTION_IMPOSSIBLE\]/,
    );
    await tracked.client.query(`INSERT INTO person VALUES ('S3CRET@kept back', 'S3CRET')`);
    const refused = await run('run', '--once', ...slot());
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/\[REDACTION_IMPOSSIBLE\]/);
    // Nothing was let through, nothing lost.
    configure({ redact: REDACT });
    expect((await run('run', '--once', ...slot())).stderr).toContain('Stored 1 change');
  });

  it.each([
    [{ redact: { tables: { person: { mail: 'hash' } } } }, /person\.mail is hash, but there is no key/],
    [
      { redact: { ...REDACT, key: { id: 'k' } } },
      /redact\.key is wrong, wanted an id and either file or env/,
    ],
    [
      { redact: { ...REDACT, key: { id: 'k', file: 'none' } } },
      /redact\.key: the file none can't be read \(ENOENT\)/,
    ],
    [
      { redact: { ...REDACT, key: { id: 'k', env: 'NO_SUCH' } } },
      /redact\.key: the variable NO_SUCH is not set/,
    ],
    [{ redact: { ...REDACT, key: { id: 'k', secret: SECRET } } }, /unknown key "secret" in redact\.key/],
    [{ redact: { tabels: {} } }, /unknown key "tabels" in redact, did you mean tables/],
    [{ signature: { keys: [] } }, /Option signature has keys, at least one/],
    [
      { signature: { keys: SIGNATURE.keys, window: 3 } },
      /unknown key "window" in signature: known are keys, windowSeconds, audience/,
    ],
  ])('refuses %o', async (config, message) => {
    configure(config);
    const { code, stderr } = await run('run', '--once', ...slot());
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('[INVALID_OPTION]');
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
