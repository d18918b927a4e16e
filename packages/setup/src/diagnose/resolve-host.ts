import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Deadline } from '../deadline.js';
import type { HostFacts } from './diagnose-host.js';

/** Looks a host up, within the deadline; null for what has no name to look up: a socket, an address. */
export async function resolveHost(host: string, deadline: Deadline): Promise<HostFacts | null> {
  if (host.startsWith('/')) return null;
  const hasIpv6 = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ family, internal, address }) => family === 'IPv6' && !internal && !/^fe[89ab]/i.test(address));
  const family = net.isIP(host);
  if (family !== 0) return { host, addresses: [{ address: host, family }], failure: null, hasIpv6 };
  try {
    return {
      host,
      addresses: await deadline.race(lookup(host, { all: true }), host),
      failure: null,
      hasIpv6,
    };
  } catch (error) {
    const { code = 'unknown' } = error as { code?: string };
    // Late is not the same as unknown.
    return code === 'TIMEOUT' ? null : { host, addresses: [], failure: code, hasIpv6 };
  }
}
