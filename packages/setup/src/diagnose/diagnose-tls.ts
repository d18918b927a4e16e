import net from 'node:net';
import type { Peer } from '../connect.js';
import type { Address, Provider } from '../provider/provider.js';
import { type Check, found, ok } from './check.js';
import type { Advice } from './fix.js';

/** Whether what crosses a network is encrypted, and the server's certificate looked at. Pure. */
export function diagnoseTls(
  whose: 'source' | 'store',
  { isEncrypted, isVerified }: Peer,
  address: Address,
  provider: Provider,
): Check {
  const { host } = address;
  if (isEncrypted && isVerified)
    return ok('tls', `the connection to the ${whose} is encrypted, and verified`);
  if (isLocal(host)) return ok('tls', `the ${whose} is on this machine`);
  if (isEncrypted) {
    return found(
      'tls.unverified',
      `the connection to the ${whose} at ${host} is encrypted, but nobody looks at the server's certificate`,
      verify(whose, provider),
    );
  }
  return found(
    'tls.none',
    `the connection to the ${whose} at ${host} isn't encrypted`,
    verify(whose, provider),
  );
}

function verify(whose: 'source' | 'store', { tls }: Provider): Advice {
  const root = tls.isKnownAuthority ? '' : `, and sslrootcert=FILE with ${tls.words}`;
  return {
    remedy: `add sslmode=verify-full to the URL of --${whose}${root}`,
    fix: { setting: { name: 'sslmode', value: 'verify-full' } },
  };
}

function isLocal(host: string): boolean {
  if (host.startsWith('/') || host === 'localhost' || host === '::1') return true;
  return net.isIPv4(host) && host.startsWith('127.');
}
