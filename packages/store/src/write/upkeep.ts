import type { Logger } from '@colophon/protocol';
import type pg from 'pg';
import { errorState } from '../connection/store-error.js';

/**
 * Partitions for the coming months. Changes of a month without partitions go to the default one: nothing depends on this, so
 * nothing waits for it. Gives the SQLSTATE of what it failed with, or null.
 */
export async function makePartitions(client: pg.Client, logger: Logger): Promise<string | null> {
  try {
    await client.query(`BEGIN; SET LOCAL lock_timeout = '2s'; SELECT colophon.make_partitions(); COMMIT`);
    return null;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    logger.warn(
      { sqlstate: errorState(error) },
      'Partitions for the coming months could not be made; the default partition takes their place.',
    );
    return errorState(error);
  }
}

/** Whether the connected role may have partitions made. */
export async function mayMakePartitions(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT has_function_privilege(p.oid, 'EXECUTE') AS may FROM pg_proc p
      WHERE p.pronamespace = 'colophon'::regnamespace AND p.proname = 'make_partitions'`,
  );
  return rows[0]?.may === true;
}

/** Lets go of nonces from before the window. Nothing depends on this: what is too old is refused, kept or not. */
export async function forgetNonces(
  client: pg.Client,
  sourceId: number,
  keptMs: number,
  logger: Logger,
): Promise<void> {
  try {
    await client.query("SELECT colophon.forget_nonces($1, $2 * interval '1 millisecond')", [
      sourceId,
      keptMs,
    ]);
  } catch (error) {
    logger.warn({ sqlstate: errorState(error) }, 'Nonces that are no longer needed could not be removed.');
  }
}
