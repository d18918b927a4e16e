import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { inject } from 'vitest';
import { peakMemory, startColophon } from '../colophon-command.js';
import { slowNetwork } from '../slow-network.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

/** What one run of the command took. */
export interface Measured {
  readonly peakBytes: number;
  readonly seconds: number;
}

/** A source with a store in a database of its own. */
export interface ScaleBench {
  readonly source: TrackedDatabase;
  /** A connection to the store. */
  readonly store: pg.Client;
  /** `colophon run` until so many changes are stored in all; with `bytesPerSecond` through a network no faster than that. */
  storeUpTo(changes: number, bytesPerSecond?: number): Promise<Measured>;
  drop(): Promise<void>;
}

/** Makes one, its tables tracked by `colophon init`; nothing reads it yet. */
export async function scaleBench(schema: string, tables: string): Promise<ScaleBench> {
  const storeUrl = await createDatabase(inject('serverUrl'));
  const source = await trackDatabase(inject('serverUrl'), schema, { tables, storeUrl });
  const store = new pg.Client({ connectionString: storeUrl });
  await store.connect();
  return {
    source,
    store,
    storeUpTo: (changes, bytesPerSecond) =>
      measureRun(source, store, changes, bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    async drop() {
      await store.end();
      await source.drop();
      await dropDatabase(storeUrl);
    },
  };
}

/** How a run is measured. */
interface MeasureOptions {
  /** Through a network to the store no faster than this. */
  readonly bytesPerSecond?: number;
  /** Called once the slot is read. */
  readonly whenStreaming?: () => Promise<void>;
}

/** `colophon run` until so many changes are stored in all. */
export async function measureRun(
  { args, storeUrl }: { readonly args: readonly string[]; readonly storeUrl: string },
  store: pg.Client,
  changes: number,
  { bytesPerSecond, whenStreaming }: MeasureOptions = {},
): Promise<Measured> {
  const network = bytesPerSecond === undefined ? null : await slowNetwork(storeUrl, bytesPerSecond);
  const run = startColophon([
    'run',
    ...args.map((arg) => (network !== null && arg === storeUrl ? network.url : arg)),
  ]);
  const startedAt = performance.now();
  let peakBytes = 0;
  const until = async (isSo: () => Promise<boolean>): Promise<void> => {
    while (!(await isSo())) {
      if (run.hasEnded()) throw new Error(`colophon run ended: ${run.stderr().slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      peakBytes = Math.max(peakBytes, peakMemory(run.pid) ?? 0);
    }
  };
  try {
    if (whenStreaming !== undefined) {
      await until(async () => run.stderr().includes('Reading'));
      await whenStreaming();
    }
    await until(async () => {
      const { rows } = await store.query('SELECT sum(changes)::int AS stored FROM colophon.positions');
      return Number(rows[0].stored) >= changes;
    });
    if (/error/i.test(run.stderr())) throw new Error(run.stderr().slice(-2000));
    return { peakBytes, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    run.child.kill('SIGTERM');
    await run.ended;
    await network?.close();
  }
}

/** What a measurement says, in a line. */
export function say(what: string, { peakBytes, seconds }: Measured): void {
  console.log(`${what}: peak RSS ${(peakBytes / 1e6).toFixed(0)} MB, ${seconds.toFixed(1)} s`);
}
