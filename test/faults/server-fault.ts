import type { PostgresServer } from '@colophon/testkit';
import type { Fault } from './fault.js';
import { sleep, type Victim } from './victim.js';

/** The source's server stops, in order or by a crash, and starts again. */
export function sourceRestarts(server: PostgresServer): Fault[] {
  return (['fast', 'immediate'] as const).map((mode) => ({
    name: `source: restart, ${mode}`,
    async strike(victim: Victim) {
      await server.halt(mode);
      victim.consumer().child.kill('SIGCONT');
      await server.restart();
      await victim.database.reconnect();
    },
  }));
}

/** The store's server stops, in order or by a crash, and is down for a while. */
export function storeRestarts(server: PostgresServer): Fault[] {
  return (['fast', 'immediate'] as const).map((mode) => ({
    name: `store: restart, ${mode}`,
    async strike(victim: Victim) {
      await server.halt(mode);
      victim.consumer().child.kill('SIGCONT');
      await sleep(victim.random.integer(0, 1000));
      await server.restart();
      await victim.reconnectStore();
    },
  }));
}

/** A standby stands where the primary should: it answers, and takes nothing. */
export function storeIsStandby(primary: PostgresServer, standby: PostgresServer): Fault {
  const host = '127.0.0.1';
  return {
    name: 'store: a read-only standby in its place',
    async strike(victim) {
      victim.storeProxy.retarget({ host, port: standby.port });
      victim.storeProxy.cut();
      victim.consumer().child.kill('SIGCONT');
      await sleep(victim.random.integer(300, 1500));
      victim.storeProxy.retarget({ host, port: primary.port });
      victim.storeProxy.cut();
    },
  };
}
