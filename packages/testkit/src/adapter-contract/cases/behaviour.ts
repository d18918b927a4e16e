import assert from 'node:assert/strict';
import { behaviourScript } from '../behaviour-script.js';
import type { ContractSession } from '../contract-adapter.js';
import type { ContractCase } from '../contract-environment.js';
import { plainly } from '../plainly.js';
import { wired } from '../with-both.js';

const POOL_SIZE = 2;

/** Everything that can be seen of the ORM from outside while the script runs. */
interface Behaviour {
  readonly outcomes: Record<string, unknown>;
  /** What the ORM's query log said in each step, where the adapter hands it on; sorted, since what is asked for at once ends in any order. */
  readonly log: string[][];
  /** Connections that were opened. */
  readonly connections: number;
}

/** The same script without and with Colophon: every result, every error with its code, the query log, the number of connections. */
export const behaviourUntouched: ContractCase = {
  name: 'results, errors, query log, connections as without',
  shows: '✓',
  async run(adapter, environment) {
    const observe = async (
      open: (url: string, poolSize: number, log: (line: string) => void) => Promise<ContractSession>,
      run: (work: () => Promise<unknown>) => Promise<unknown>,
    ): Promise<Behaviour> => {
      await environment.query('TRUNCATE item');
      const outcomes: Record<string, unknown> = {};
      const log: string[][] = [];
      let connections = 0;
      await wired(
        environment.url,
        (url) => open(url, POOL_SIZE, (line) => log.at(-1)?.push(line)),
        async ({ session, proxy }) => {
          for (const [what, step] of Object.entries(behaviourScript)) {
            log.push([]);
            outcomes[what] = await run(() => step(session)).then(
              (value) => ({ value: plainly(value) }),
              (error: unknown) => ({ error: plainly(error) }),
            );
            log.at(-1)?.sort();
          }
          connections = proxy.connections();
        },
      );
      return { outcomes, log, connections };
    };
    const plain = await observe(adapter.openPlain.bind(adapter), (work) => work());
    const named = await observe(adapter.open.bind(adapter), (work) =>
      environment.runInContext({ user: 'ann' }, work),
    );
    const nameless = await observe(adapter.open.bind(adapter), (work) => work());
    assert.deepEqual(named, plain);
    assert.deepEqual(nameless, plain);
  },
};
