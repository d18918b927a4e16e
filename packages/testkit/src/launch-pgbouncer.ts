import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.js';

/** A running PgBouncer in transaction mode. */
export interface PgBouncer {
  readonly port: number;
  /** The same database, through it. */
  url(databaseUrl: string): string;
  stop(): Promise<void>;
}

const FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

/** Where PgBouncer is installed; undefined where it isn't. */
export function findPgBouncer(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), ...FOLDERS];
  return folders.map((folder) => path.join(folder, 'pgbouncer')).find((file) => fs.existsSync(file));
}

/** Starts PgBouncer in transaction mode before the server of this URL. Default: 2 server connections a database. */
export async function launchPgBouncer(
  serverUrl: string,
  options: { poolSize?: number } = {},
): Promise<PgBouncer> {
  const binary = findPgBouncer();
  if (binary === undefined) throw new Error('pgbouncer is not installed: install the package pgbouncer');
  const server = new URL(serverUrl);
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-pgbouncer-'));
  fs.chmodSync(base, 0o777);
  const port = await freePort();
  fs.writeFileSync(path.join(base, 'users.txt'), `"${decodeURIComponent(server.username)}" ""\n`);
  const config = path.join(base, 'pgbouncer.ini');
  fs.writeFileSync(
    config,
    `[databases]
* = host=${server.hostname} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${base}/users.txt
pool_mode = transaction
default_pool_size = ${options.poolSize ?? 2}
max_client_conn = 500
ignore_startup_parameters = extra_float_digits
logfile = ${base}/pgbouncer.log
pidfile = ${base}/pgbouncer.pid
`,
  );
  const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn(binary, ['-q', ...asUser, config], { stdio: 'ignore' });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  while (!(await accepts(port))) {
    if (child.exitCode !== null) {
      throw new Error(`pgbouncer ended: ${fs.readFileSync(path.join(base, 'pgbouncer.log'), 'utf8')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    port,
    url(databaseUrl) {
      const url = new URL(databaseUrl);
      url.hostname = '127.0.0.1';
      url.port = String(port);
      return url.href;
    },
    async stop() {
      child.kill('SIGTERM');
      await gone;
      fs.rmSync(base, { recursive: true, force: true });
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
