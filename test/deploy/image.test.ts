import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort, launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { nativeDir } from '../embedded-postgres.js';
import { startLocalRegistry } from '../local-registry.js';
import { sql } from '../roles/role-server.js';
import { page, until } from '../watch/pages.js';
import { buildImage, type Image } from './build-image.js';
import { COMPOSE, postgresSettings, readComposeFile, type Service, secretsScript } from './compose-file.js';
import {
  type Container,
  type ContainerOptions,
  filesOf,
  inImage,
  sealImage,
  startContainer,
} from './container.js';
import { podOf, readManifest } from './kubernetes-manifests.js';

// The image as its Dockerfile builds it from packed packages, run as its user, with nothing in the environment but what a
// container has; first by itself, then as the examples for Compose and Kubernetes run it.

const compose = readComposeFile();
const secrets = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-compose-'));
/** The handlers of signals don't keep a process alive: so something else does until the signal is heard. */
const SETTINGS_DURING_WHICH_IT_IS_STOPPED = `
const alive = setInterval(() => {}, 1000);
const heard = new Promise((resolve) => process.once('SIGTERM', resolve));
process.kill(process.pid, 'SIGTERM');
await heard;
clearInterval(alive);
export default { slot: 'alone' };
`;
const TODO = 'CREATE TABLE todo (id int PRIMARY KEY, title text)';
let image: Image;
let server: PostgresServer;
let admin: string;
let filesAtFirst: string[];
const running = new Set<Container>();

beforeAll(async () => {
  const registry = await startLocalRegistry();
  image = await buildImage(registry);
  await registry.close();
  sealImage(image);
  filesAtFirst = filesOf(image);
  fs.cpSync(COMPOSE, secrets, { recursive: true });
  execFileSync('sh', ['-ec', secretsScript()], { cwd: secrets });
  server = await launchPostgres({ native: nativeDir(18), settings: postgresSettings(compose) });
  const password = secret('postgres-password');
  await sql(server.url(), `ALTER ROLE postgres PASSWORD '${password}'`);
  fs.writeFileSync(path.join(server.dataDir, 'pg_hba.conf'), 'host all all all scram-sha-256\n');
  admin = `postgres://postgres:${password}@127.0.0.1:${server.port}`;
  await sql(`${admin}/postgres`, 'SELECT pg_reload_conf()');
}, 180_000);
afterAll(async () => {
  await server?.stop();
  if (image !== undefined) fs.rmSync(image.root, { recursive: true, force: true });
  fs.rmSync(secrets, { recursive: true, force: true });
});
afterEach(async () => {
  const left = [...running];
  for (const container of left) container.child.kill('SIGKILL');
  running.clear();
  expect(left.map((container) => container.stderr())).toEqual([]);
});

/** A secret that the README's commands made, with the server of this test in the place of the service `postgres`. */
function secret(name: string): string {
  const text = fs.readFileSync(path.join(secrets, 'secrets', name), 'utf8').trim();
  return text.replace('@postgres/', `@127.0.0.1:${server.port}/`);
}

/** Mounts a file into the image, readable by everybody and written by nobody but root. */
function mount(file: string, text: string): void {
  const target = inImage(image, file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, text, { mode: 0o444 });
}

function start(options: ContainerOptions = {}): Container {
  const container = startContainer(image, options);
  running.add(container);
  void container.ended.then(() => running.delete(container));
  return container;
}

async function finish(options: ContainerOptions): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const container = start(options);
  return { code: await container.ended, stdout: container.stdout(), stderr: container.stderr() };
}

async function healthcheck(listen: string, ...pages: string[]): Promise<{ code: unknown; stdout: string }> {
  return finish({ entrypoint: [...image.healthcheck, ...pages], env: { COLOPHON_LISTEN: listen } });
}

async function untilReady(listen: string): Promise<void> {
  await until(
    () => healthcheck(listen, '/readyz'),
    ({ code }) => code === 0,
  );
}

async function stop(container: Container): Promise<void> {
  container.child.kill('SIGTERM');
  expect(await container.ended, container.stderr()).toBe(0);
}

const trail = (database: string) =>
  sql(
    `${admin}/${database}`,
    `SELECT operation, context->'user' AS who, environment FROM colophon.changes ORDER BY seq`,
  );

describe('the image', () => {
  it('holds the published package and what it depends on, and nothing of the workspace', () => {
    const modules = inImage(image, '/opt/colophon/node_modules');
    expect(fs.readdirSync(path.dirname(modules))).toEqual(
      expect.arrayContaining(['entry.mjs', 'healthcheck.mjs', 'node_modules']),
    );
    const own = fs.readdirSync(path.join(modules, '@colophon')).sort();
    expect(own).toEqual(['core', 'protocol', 'setup', 'store']);
    for (const name of [...own.map((each) => `@colophon/${each}`), 'colophon']) {
      const folder = path.join(modules, name);
      expect(fs.lstatSync(folder).isSymbolicLink()).toBe(false);
      expect(fs.existsSync(path.join(folder, 'src'))).toBe(false);
    }
    for (const name of ['typescript', 'vitest', '@types/node', '@colophon/testkit'])
      expect(fs.existsSync(path.join(modules, name)), name).toBe(false);
  });

  it('sets up, becomes ready, stores, and ends with 0, by its environment alone', async () => {
    await sql(`${admin}/postgres`, 'CREATE DATABASE alone');
    await sql(`${admin}/alone`, TODO);
    mount('/run/secrets/alone-url', `${admin}/alone\n`);
    const listen = `0.0.0.0:${await freePort()}`;
    const env = {
      COLOPHON_SOURCE_URL_FILE: '/run/secrets/alone-url',
      COLOPHON_LISTEN: listen,
      COLOPHON_INIT: 'yes',
      COLOPHON_TABLES: 'todo',
      COLOPHON_SLOT: 'alone',
    };
    expect((await healthcheck(listen)).code).toBe(1);
    const container = start({ env });
    await untilReady(listen);
    expect((await healthcheck(listen)).code).toBe(0);
    await sql(`${admin}/alone`, "INSERT INTO todo VALUES (1, 'a')");
    await until(
      () => trail('alone'),
      (rows) => rows.length === 1,
    );
    await stop(container);
    const lines = container.stderr().trim().split('\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ level: 'info', changes: 1 });
    expect(container.stderr()).not.toContain(secret('postgres-password'));
    // Again: nothing has to be set up, and nothing is stored twice.
    const second = start({ env });
    await untilReady(listen);
    await stop(second);
    expect(second.stderr()).toContain('nothing had to be changed');
    expect(await trail('alone')).toEqual([{ operation: 'CREATE', who: null, environment: '' }]);
  });

  it('ends when it is stopped while it sets up, without having begun to read', async () => {
    const slot = 'waiting';
    const writer = new pg.Client({ connectionString: `${admin}/alone` });
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query("INSERT INTO todo VALUES (2, 'open')");
    const container = start({
      env: {
        COLOPHON_SOURCE_URL_FILE: '/run/secrets/alone-url',
        COLOPHON_INIT: 'yes',
        COLOPHON_TABLES: 'todo',
        COLOPHON_SLOT: slot,
        COLOPHON_NAME: slot,
      },
    });
    // The slot waits for the open transaction.
    await until(
      () => sql(`${admin}/alone`, `SELECT FROM pg_replication_slots WHERE slot_name = '${slot}'`),
      (rows) => rows.length === 1,
    );
    container.child.kill('SIGTERM');
    await writer.query('COMMIT');
    await writer.end();
    expect(await container.ended, container.stderr()).toBe(0);
    expect(container.stderr()).not.toContain('Serving');
    // What the server was doing just then it finishes.
    await until(
      () => sql(`${admin}/alone`, `SELECT FROM pg_replication_slots WHERE slot_name = '${slot}' AND active`),
      (rows) => rows.length === 0,
    );
    await sql(
      `${admin}/alone`,
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${slot}'`,
    );
  });

  it('hears a signal that comes while settings are read', async () => {
    mount('/config/colophon.config.js', SETTINGS_DURING_WHICH_IT_IS_STOPPED);
    const container = start({
      env: {
        COLOPHON_SOURCE_URL_FILE: '/run/secrets/alone-url',
        COLOPHON_LISTEN: `0.0.0.0:${await freePort()}`,
      },
    });
    expect(await container.ended, container.stderr()).toBe(0);
    expect(JSON.parse(container.stderr().trim().split('\n').at(-1)!)).toMatchObject({ transactions: 0 });
    fs.rmSync(inImage(image, '/config/colophon.config.js'));
  });

  const wrong: [string, Record<string, string>, RegExp][] = [
    ['no source', {}, /No source database is given/],
    [
      'a secret that is missing',
      { COLOPHON_SOURCE_URL_FILE: '/run/secrets/none' },
      /none can't be read \(ENOENT\)/,
    ],
    [
      'two sources',
      { COLOPHON_SOURCE_URL: 'postgres://a/b', COLOPHON_SOURCE_URL_FILE: '/run/secrets/alone-url' },
      /both set/,
    ],
    ['COLOPHON_INIT', { COLOPHON_INIT: 'maybe' }, /COLOPHON_INIT is yes or no, got "maybe"/],
    [
      'no tables for init',
      { COLOPHON_INIT: 'yes', COLOPHON_SOURCE_URL_FILE: '/run/secrets/alone-url' },
      /Which tables/,
    ],
  ];
  it.each(wrong)('says in one line with a code what is wrong: %s', async (_name, env, message) => {
    const { code, stderr } = await finish({ env: { COLOPHON_LISTEN: '', ...env } });
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('INVALID_OPTION');
    expect(stderr).not.toContain(secret('postgres-password'));
  });

  it('says so, and never the password, where the password of a file is wrong', async () => {
    mount('/run/secrets/wrong-url', `postgres://postgres:n0t-the-password@127.0.0.1:${server.port}/alone`);
    const { code, stderr } = await finish({
      env: { COLOPHON_SOURCE_URL_FILE: '/run/secrets/wrong-url', COLOPHON_LISTEN: '' },
    });
    expect(code).toBe(1);
    expect(stderr).toContain('AUTHENTICATION_FAILED');
    expect(stderr).not.toContain('n0t-the-password');
  });
});

describe('examples/compose', () => {
  /** Runs a service as the file says, on a port of this test's own. */
  function service({ entrypoint, command, environment, secrets: mounted = [] }: Service): ContainerOptions {
    for (const name of mounted) mount(`/run/secrets/${name}`, secret(name));
    return {
      ...(entrypoint === undefined ? {} : { entrypoint }),
      ...(command === undefined ? {} : { cmd: command }),
      env: { ...environment },
    };
  }

  it('sets up as the administrator, runs as the consumer, and shows who it was', async () => {
    await sql(`${admin}/postgres`, 'CREATE DATABASE app');
    const schema = compose.services.postgres.volumes!.find((each) => each.includes('schema.sql'))!;
    await sql(`${admin}/app`, fs.readFileSync(path.join(COMPOSE, schema.split(':')[0]!), 'utf8'));
    const setup = service(compose.services.setup);
    const ended = await finish(setup);
    expect(ended.code, ended.stderr).toBe(0);
    const listen = `0.0.0.0:${await freePort()}`;
    const options = service(compose.services.colophon);
    const consumer = start({ ...options, env: { ...options.env, COLOPHON_LISTEN: listen } });
    const [, ...check] = compose.services.colophon.healthcheck!.test;
    await until(
      () => finish({ entrypoint: check, env: { COLOPHON_LISTEN: listen } }),
      ({ code }) => code === 0,
    );
    await sql(`${admin}/app`, fs.readFileSync(path.join(COMPOSE, 'change.sql'), 'utf8'));
    await until(
      () => trail('app'),
      (rows) => rows.length === 1,
    );
    expect(await trail('app')).toEqual([{ operation: 'CREATE', who: 42, environment: 'development' }]);
    const readme = fs.readFileSync(path.join(COMPOSE, 'README.md'), 'utf8');
    const [, log = ''] = /--entrypoint colophon setup (.+)$/m.exec(readme)!;
    const shown = await finish({ ...setup, entrypoint: ['colophon'], cmd: log.split(' ') });
    expect(shown.stdout).toContain('POST /todos');
    await stop(consumer);
    // Once more, as at each `up`: nothing fails, nothing is changed.
    expect((await finish(setup)).stderr).toContain('nothing had to be changed');
    const dropped = await finish({
      ...setup,
      entrypoint: ['colophon'],
      cmd: ['drop', '--yes', '--store-too'],
    });
    expect(dropped.code, dropped.stderr).toBe(0);
  });
});

describe('examples/kubernetes', () => {
  /** Runs a pod as its manifest says, with these as its secret's files. */
  function pod(name: string, files: Record<string, string>): ContainerOptions {
    const [container] = podOf(readManifest(name)).containers;
    for (const [key, text] of Object.entries(files)) mount(`/secrets/${key}`, text);
    return {
      cmd: container.args,
      env: Object.fromEntries(container.env.map((each) => [each.name, each.value])),
    };
  }

  it('the Job sets up, the Deployment reads and is probed, the CronJob runs', async () => {
    const url = `${admin}/app`;
    const ended = await finish(pod('init', { 'source-url': url, 'store-url': url }));
    expect(ended.code, ended.stderr).toBe(0);
    mount('/secrets/source-url', secret('admin-url'));
    for (const kind of ['consumer', 'retention']) {
      const made = await finish({
        entrypoint: ['sh', '-c', `colophon role ${kind} --password-stdin < /run/secrets/consumer-password`],
        env: { COLOPHON_SOURCE_URL_FILE: '/run/secrets/admin-url' },
      });
      expect(made.code, made.stderr).toBe(0);
    }
    const consumer = secret('consumer-url');
    const options = pod('consumer', { 'source-url': consumer, 'store-url': consumer });
    const port = await freePort();
    const running = start({ ...options, env: { ...options.env, COLOPHON_LISTEN: `0.0.0.0:${port}` } });
    const [{ livenessProbe, readinessProbe }] = podOf(readManifest('consumer')).containers;
    await running.said('Serving');
    for (const probe of [livenessProbe!, readinessProbe!])
      await until(
        () => page(port, probe.httpGet.path),
        ({ status }) => status === 200,
      );
    expect((await page(port, '/metrics')).text).toContain('environment="production"');
    await stop(running);
    const retention = pod('retention', { 'store-url': consumer.replace('_consumer', '_retention') });
    const kept = await finish(retention);
    expect(kept.code, kept.stderr).toBe(0);
  });

  it('never wrote outside /tmp', () => {
    const mounted = /^(?:run|secrets|config)(?:[/ ]|$)/;
    const written = filesOf(image).filter((file) => !filesAtFirst.includes(file) && !mounted.test(file));
    expect(written).toEqual([]);
  });
});
