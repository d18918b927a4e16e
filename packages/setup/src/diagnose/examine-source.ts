import type { ColophonError } from '@colophon/protocol';
import { addressOf, type Connection } from '../connect.js';
import type { Deadline } from '../deadline.js';
import { inspectSource } from '../inspect-source.js';
import { inspectProvider } from '../provider/inspect-provider.js';
import type { Provider } from '../provider/provider.js';
import { recogniseProvider } from '../provider/recognise-provider.js';
import type { SourceState } from '../source-state.js';
import { type Check, ok } from './check.js';
import { diagnose, initCommand, type SourceWish } from './diagnose.js';
import { diagnoseConnection, pooledAddress } from './diagnose-connection.js';
import { diagnoseHost } from './diagnose-host.js';
import { diagnoseTls } from './diagnose-tls.js';
import { failedCheck } from './failed-check.js';
import { inspectHealth } from './inspect-health.js';
import { probeReplication } from './probe-replication.js';
import { resolveHost } from './resolve-host.js';
import type { SourceHealth } from './source-health.js';

/** What looking at a source gave. */
export interface SourceExamination {
  readonly state: SourceState;
  readonly provider: Provider;
  /** The `init` that makes what is missing. */
  readonly init: string;
  readonly checks: readonly Check[];
}

/** Looks at what an ordinary connection can tell of a source; changes nothing. Throws what `inspectSource` does. */
export async function diagnoseSource(
  connection: Connection,
  wish: SourceWish,
): Promise<Pick<SourceExamination, 'state' | 'provider' | 'checks'> & { readonly health: SourceHealth }> {
  const state = await inspectSource(connection, wish.names);
  const health = await inspectHealth(connection, wish.names.publication);
  const provider = await inspectProvider(connection);
  return { state, health, provider, checks: diagnose(state, health, wish, provider) };
}

/** Looks at everything in the source that auditing needs, how it is reached too; changes nothing. Throws what `inspectSource` does. */
export async function examineSource(
  connection: Connection,
  url: string,
  wish: SourceWish,
  deadline: Deadline,
): Promise<SourceExamination> {
  const { peer, target } = connection;
  const { state, health, provider, checks } = await diagnoseSource(connection, wish);
  // Where it can't be let in, that is said by another check.
  const mayTry = state.role.canReplicate && state.server.usedSenders < state.server.maxSenders;
  const replication = mayTry ? await probeReplication(url, deadline) : null;
  return {
    state,
    provider,
    init: initCommand(state, wish),
    checks: [
      ok('source', `reached ${target}`),
      ok('provider', provider.name),
      ...diagnoseConnection({ address: peer, peer, health, replication }, provider),
      diagnoseTls('source', peer, peer, provider),
      ...checks,
    ],
  };
}

/** Why a source may be out of reach: what its address tells, then the error itself. */
export async function explainUnreachable(
  url: string,
  error: ColophonError,
  deadline: Deadline,
): Promise<Check[]> {
  const address = addressOf(url);
  if (address === null) return [failedCheck('source.unreachable', error)];
  const provider = recogniseProvider(address, []);
  const pooled = pooledAddress(address, provider);
  const isOfTheWay = error.code === 'CONNECTION_FAILED' || error.code === 'TIMEOUT';
  const facts = isOfTheWay ? await resolveHost(address.host, deadline) : null;
  return [
    ...(facts === null ? [] : diagnoseHost(facts, provider)),
    ...(pooled === null ? [] : [pooled]),
    failedCheck('source.unreachable', error),
  ];
}
