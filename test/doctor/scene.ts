import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Check, FindingId } from '@colophon/setup';
import type { PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { colophon, type Running, startColophon } from '../cli/colophon.js';
import { as, sql } from '../roles/role-server.js';

/** Something that is wrong, and what doctor has to find then. */
export interface Scenario {
  readonly name: string;
  /** What is found, and is gone once its remedies were carried out. */
  readonly provokes: readonly FindingId[];
  provoke(scene: Scene): Promise<void>;
  /** What a person does whom the remedy tells in words; it has no `fix` then. */
  readonly byHand?: Partial<Record<FindingId, (scene: Scene, check: Check) => Promise<void> | void>>;
  /** Run before doctor is asked again, as often as it takes: what the server does by itself now and then. */
  readonly nudge?: string;
  /** Run once the remedies were carried out: what made it fail, again. */
  again?(scene: Scene): Promise<void>;
  cleanUp?(scene: Scene): Promise<void>;
}

/** A source with a store, doctor before it, and hands to do what doctor says. */
export class Scene {
  /** The source, as the role that doctor and run are of. */
  url: string;
  readonly env: NodeJS.ProcessEnv = {};
  readonly folder: string = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-doctor-'));
  /** Given as sslrootcert where a remedy asks for the authority's certificate. */
  rootFile: string | null = null;
  readonly server: PostgresServer;
  /** The same database as a superuser. */
  readonly adminUrl: string;
  readonly #running: Running[] = [];
  readonly #clients: pg.Client[] = [];

  constructor(server: PostgresServer, url: string) {
    this.server = server;
    this.url = url;
    this.adminUrl = url;
  }

  get database(): string {
    return new URL(this.adminUrl).pathname.slice(1);
  }

  /** Statements as a superuser, or as another role. */
  sql(...statements: string[]): Promise<Record<string, unknown>[]> {
    return sql(this.adminUrl, ...statements);
  }

  /** A session that stays open until the scene ends. The server may end it. */
  async session(options: pg.ClientConfig & { replication?: string } = {}): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.adminUrl, ...options });
    client.on('error', () => {});
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  /** A command that has to succeed. `isAdmin`: as a superuser. */
  async run(args: readonly string[], isAdmin = false): Promise<void> {
    const done = await colophon([...args, ...(ASKS.has(args[0]!) ? ['--yes'] : [])], this.#options(isAdmin));
    if (done.code !== 0)
      throw new Error(`colophon ${args.join(' ')} ended with ${done.code}: ${done.stderr}`);
  }

  /** What doctor says. It has to come to an end by itself. */
  async doctor(): Promise<Check[]> {
    const { stdout, stderr } = await colophon(['doctor', '--json'], this.#options(false));
    if (stdout === '') throw new Error(stderr);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Check);
  }

  /** Does what the check's remedy says to a program. */
  async carryOut({ fix, finding }: Check): Promise<void> {
    if (fix === null) throw new Error(`${finding} has no remedy for programs`);
    if (fix.sql !== undefined) {
      const url = fix.at === 'store' ? (this.env.COLOPHON_STORE_URL ?? this.adminUrl) : this.adminUrl;
      await sql(fix.as == null ? url : as(url, fix.as), ...fix.sql);
    }
    for (const line of fix.command ?? []) await this.#carryOutCommand(line, fix.as === null);
    if (fix.setting !== undefined && fix.sql === undefined) this.#set(fix.setting.name, fix.setting.value);
    if (fix.restart === true) await this.server.restart();
  }

  async #carryOutCommand(line: string, isAdmin: boolean): Promise<void> {
    const { hostname, port, username } = new URL(this.adminUrl);
    const words = (
      await promisify(execFile)('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' })
    ).stdout.split('\n');
    const [program, ...args] = words.slice(0, -1);
    if (program !== 'colophon') {
      const env = { PATH: process.env.PATH, PGHOST: hostname, PGPORT: port, PGUSER: username };
      await promisify(execFile)('sh', ['-c', line], { env });
      return;
    }
    for (const [flag, variable] of [
      ['--slot', 'COLOPHON_SLOT'],
      ['--publication', 'COLOPHON_PUBLICATION'],
    ] as const) {
      const at = args.indexOf(flag);
      if (at >= 0) this.env[variable] = args[at + 1];
    }
    if (args[0] !== 'run') return this.run(args, isAdmin);
    const running = startColophon(args, this.#options(isAdmin));
    this.#running.push(running);
    await running.said('Reading');
  }

  #set(name: string, value: string): void {
    const url = new URL(this.url);
    if (name === '--source') this.url = value;
    else if (name === 'user') this.url = as(this.url, value);
    else if (name === 'sslmode') {
      url.searchParams.set('sslmode', value);
      if (this.rootFile !== null) url.searchParams.set('sslrootcert', this.rootFile);
      this.url = url.href;
    } else throw new Error(`nobody can set ${name} here`);
  }

  /** Ends what still runs. */
  async end(): Promise<void> {
    for (const { child, finished } of this.#running) {
      child.kill('SIGTERM');
      await finished;
    }
    for (const client of this.#clients) await client.end().catch(() => {});
  }

  removeFolder(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  #options(isAdmin: boolean): { env: NodeJS.ProcessEnv; cwd: string } {
    return {
      env: { PATH: process.env.PATH, COLOPHON_SOURCE_URL: isAdmin ? this.adminUrl : this.url, ...this.env },
      cwd: this.folder,
    };
  }
}

const ASKS = new Set(['init', 'drop']);
