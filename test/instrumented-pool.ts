import { instrument } from '@colophon/pg';
import pg from 'pg';

/**
 * A pool of node-postgres with Colophon in it. Its end doesn't wait for its connections': a server that is stopped right
 * behind it may still tell them so, and nobody else would listen.
 */
export function instrumentedPool(config: pg.PoolConfig): pg.Pool {
  return instrument(new pg.Pool(config)).on('error', () => {});
}
