import type { Provider } from '../provider/provider.js';
import { type Check, found } from './check.js';
import { inWords } from './fix.js';

/** One address of a host, as `dns.lookup` gives it. */
interface HostAddress {
  readonly address: string;
  readonly family: number;
}

/** What is known of a way to a host that was not reached. */
export interface HostFacts {
  readonly host: string;
  readonly addresses: readonly HostAddress[];
  /** What the look-up failed with; null where it didn't. */
  readonly failure: string | null;
  /** Whether this machine has an address by which IPv6 reaches others. */
  readonly hasIpv6: boolean;
}

/** Why a host may be out of reach, as far as its name tells: nothing where that isn't it. Pure. */
export function diagnoseHost({ host, addresses, failure, hasIpv6 }: HostFacts, provider: Provider): Check[] {
  if (addresses.length === 0) {
    return [
      found(
        'host.unknown',
        `${host} can't be looked up (${failure ?? 'it has no address'})`,
        inWords(`check the name; ${provider.directWords}; and the name server of this machine`),
      ),
    ];
  }
  if (hasIpv6 || addresses.some(({ family }) => family === 4)) return [];
  return [
    found(
      'host.ipv6',
      `${host} has IPv6 addresses only (${addresses[0]!.address}), and this machine has no IPv6`,
      inWords(provider.ipv4),
    ),
  ];
}
