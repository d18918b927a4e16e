import { instrument } from '@colophon/pg';
import pg from 'pg';

/** A pool of node-postgres with Colophon in it. */
export function instrumentedPool(config: pg.PoolConfig): pg.Pool {
  return instrument(new pg.Pool(config));
}
