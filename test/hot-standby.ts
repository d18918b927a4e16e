import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { type Major, nativeDir } from './embedded-postgres.js';

/** A primary of its own and a hot standby that follows it. */
export interface PrimaryAndStandby {
  readonly primary: PostgresServer;
  readonly standby: PostgresServer;
  stop(): Promise<void>;
}

/** What a pair is made of. */
export interface StandbyOptions {
  /** Default: the run's. */
  major?: Major;
  /** The standby's settings, over those that make it follow. */
  settings?: Record<string, string>;
}

/** Starts both; what `schema` makes is there on the standby from the start. */
export async function launchPrimaryAndStandby(
  schema: string,
  options: StandbyOptions = {},
): Promise<PrimaryAndStandby> {
  const native = nativeDir(options.major ?? (Number(process.env.PG_MAJOR ?? 18) as Major));
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-standby-'));
  const running: PostgresServer[] = [];
  const stop = async () => {
    for (const server of running.reverse()) await server.stop();
    fs.rmSync(base, { recursive: true, force: true });
  };
  try {
    const primary = await launchPostgres({ native });
    running.push(primary);
    const admin = new pg.Client({ connectionString: primary.url() });
    await admin.connect();
    await admin.query(schema);
    await admin.end();
    await primary.halt('fast');
    const dataDir = path.join(base, 'data');
    execFileSync('cp', ['-a', primary.dataDir, dataDir]);
    fs.rmSync(path.join(dataDir, 'postmaster.pid'), { force: true });
    fs.writeFileSync(path.join(dataDir, 'standby.signal'), '');
    fs.chmodSync(base, 0o755);
    await primary.restart();
    const settings = {
      primary_conninfo: `host=127.0.0.1 port=${primary.port} user=postgres dbname=postgres`,
      hot_standby: 'on',
      ...options.settings,
    };
    const standby = await launchPostgres({ native, dataDir, settings });
    running.push(standby);
    return { primary, standby, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
