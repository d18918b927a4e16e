import { randomUUID } from 'node:crypto';
import { ColophonError, connectClient, endClient, markerPrefix } from '@colophon/protocol';
import pg from 'pg';
import { describeSource } from '../replication/connection-config.js';
import { type SourceNames, sourceError } from '../replication/source-error.js';

/** A token that no other drain has. */
export function markerToken(): string {
  return randomUUID();
}

/**
 * Commits a marker at the source on a connection of its own. Everything committed before it is before it in the stream.
 * Committed synchronously, since a slot gives only what is flushed: this flushes also what others committed
 * with `synchronous_commit = off`.
 */
export async function commitMarker(
  config: pg.ClientConfig,
  prefix: string,
  token: string,
  names: Omit<SourceNames, 'source'>,
): Promise<void> {
  const sourceNames = { ...names, source: describeSource(config) };
  const client = new pg.Client({ ...config, options: `${config.options} -c synchronous_commit=on` });
  client.on('error', () => {});
  let step: 'connect' | 'query' = 'connect';
  try {
    await connectClient(client, sourceNames.source);
    step = 'query';
    await client.query('SELECT pg_catalog.pg_logical_emit_message(true, $1, $2)', [
      markerPrefix(prefix),
      token,
    ]);
  } catch (error) {
    if (step === 'query' && (error as { code?: unknown }).code === '42501')
      throw await refusedMarker(client, error).catch((lost) => sourceError(lost, 'query', sourceNames));
    throw sourceError(error, step, sourceNames);
  } finally {
    await endClient(client);
  }
}

// Its arguments became more with 17.
const GRANT = `SELECT pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, current_user) AS statement
  FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = 'pg_logical_emit_message'
    AND p.proargtypes[2] = 'text'::regtype`;

async function refusedMarker(client: pg.Client, cause: unknown): Promise<ColophonError> {
  const { rows } = await client.query(GRANT);
  return new ColophonError(
    'PRIVILEGE_MISSING',
    `The role may not emit the marker that says where now is in the log: ${rows[0]?.statement} (colophon role consumer).`,
    { cause, details: { sqlstate: '42501' } },
  );
}
