import type { Peer } from '../connect.js';
import type { Address, Provider } from '../provider/provider.js';
import { alterRole } from '../provider/self-managed.js';
import { type Check, found, ok } from './check.js';
import { type Advice, inWords } from './fix.js';
import type { ReplicationAnswer } from './probe-replication.js';
import type { SourceHealth } from './source-health.js';

/** What is known of the way to the source. */
export interface ConnectionFacts {
  readonly address: Address;
  readonly peer: Peer;
  readonly health: Pick<SourceHealth, 'backendPid' | 'serverAddress' | 'serverPort'>;
  /** Null where it wasn't tried. */
  readonly replication: ReplicationAnswer | null;
}

/**
 * Whether a pooler stands between, and whether a replication connection gets through. A pooler is known by its address at a
 * provider, or by what it does: it makes up the process id that it gives its clients, and refuses replication. (A provider's
 * proxy makes one up too, and lets replication through: that is fine.) Pure.
 */
export function diagnoseConnection(facts: ConnectionFacts, provider: Provider): Check[] {
  const { address, peer, health, replication } = facts;
  const isRelayed = peer.processId !== health.backendPid;
  const isRefused = replication !== null && !replication.isOpen;
  const pooled = pooledAddress(address, provider);
  if (pooled !== null) return [pooled];
  if (isRelayed && isRefused && replication.sqlstate !== '42501') {
    const itself = { ...address, host: health.serverAddress ?? address.host, port: health.serverPort };
    return [
      found(
        'connection.pooled',
        `${address.host}:${address.port} is a pooler: it gave another process id than the server's, and refused replication (${replication.words})`,
        toDirect(itself, provider.directWords),
      ),
    ];
  }
  return [
    ok('connection', isRelayed ? 'by a proxy that lets replication through' : 'direct'),
    ...diagnoseReplication(replication, address.user, provider),
  ];
}

/** What an address alone tells of a pooler; null where it tells of none. Pure. */
export function pooledAddress(address: Address, provider: Provider): Check | null {
  if (!provider.isPooler(address)) return null;
  return found(
    'connection.pooled',
    `${address.host}:${address.port} is a pooler of ${provider.name}`,
    toDirect(provider.direct(address), provider.directWords),
  );
}

function diagnoseReplication(answer: ReplicationAnswer | null, user: string, provider: Provider): Check[] {
  if (answer === null) return [];
  if (answer.isOpen) return [ok('replication', 'tried, and let in')];
  if (answer.sqlstate === '53300') {
    return [ok('replication', `not tried: no connection is free (${answer.words})`)];
  }
  const message = `a replication connection was refused: ${answer.words}`;
  if (answer.sqlstate === '42501') {
    const advice = provider.id === 'self-managed' ? alterRole(user) : provider.replication(user);
    return [found('replication.right', message, advice)];
  }
  return [
    found(
      'replication.refused',
      message,
      inWords(
        `connect to the server itself: ${provider.directWords}; and let it in at ${provider.allowList}`,
      ),
    ),
  ];
}

/** The URL of the server itself, without a password. */
function toDirect(direct: Address | null, words: string): Advice {
  if (direct === null) return inWords(`give --source the direct address: ${words}`);
  const { user, host, port, database } = direct;
  const shownHost = host.includes(':') ? `[${host}]` : host;
  const value = `postgres://${encodeURIComponent(user)}@${shownHost}:${port}/${encodeURIComponent(database)}`;
  return {
    remedy: `--source ${value} (with the password; ${words})`,
    fix: { setting: { name: '--source', value } },
  };
}
