import { startProxy, type TcpProxy } from '../tcp-proxy.js';
import type { ContractAdapter, ContractSession } from './contract-adapter.js';
import type { ContractEnvironment } from './contract-environment.js';

/** An ORM with a proxy of its own before the database. */
export interface WiredSession {
  readonly session: ContractSession;
  readonly proxy: TcpProxy;
}

/** Opens the adapter without and with Colophon, each through a proxy that counts, for the time of `work`. */
export async function withBoth(
  adapter: ContractAdapter,
  { url }: ContractEnvironment,
  poolSize: number,
  work: (plain: WiredSession, ours: WiredSession) => Promise<void>,
): Promise<void> {
  await wired(
    url,
    (through) => adapter.openPlain(through, poolSize),
    (plain) =>
      wired(
        url,
        (through) => adapter.open(through, poolSize),
        (ours) => work(plain, ours),
      ),
  );
}

/** Opens a session through a proxy, and closes both after `work`. */
export async function wired(
  url: string,
  open: (url: string) => Promise<ContractSession>,
  work: (wired: WiredSession) => Promise<void>,
): Promise<void> {
  const { hostname, port } = new URL(url);
  const proxy = await startProxy({ host: hostname, port: Number(port) });
  try {
    const session = await open(proxy.url(url));
    try {
      await work({ session, proxy });
    } finally {
      await session.close();
    }
  } finally {
    await proxy.close();
  }
}
