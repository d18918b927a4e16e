import { connectClient, tlsChoice } from '@colophon/protocol';
import pg from 'pg';
import { errorText } from '../connection-error.js';
import type { Deadline } from '../deadline.js';

/** What became of a try to connect for replication. */
export interface ReplicationAnswer {
  readonly isOpen: boolean;
  /** Of a refusal, where it had one. */
  readonly sqlstate: string | null;
  /** The refusal's own words. */
  readonly words: string;
}

/** Connects for replication as `run` would, asks who is there, and leaves; nothing is read, and no slot touched. */
export async function probeReplication(sourceUrl: string, deadline: Deadline): Promise<ReplicationAnswer> {
  const { url, ssl, sslnegotiation } = tlsChoice(sourceUrl, 'source');
  const client = new pg.Client({
    connectionString: url,
    ...(ssl !== undefined && { ssl }),
    ...(sslnegotiation && { sslnegotiation }),
    application_name: 'colophon',
    replication: 'database',
  } as pg.ClientConfig);
  client.on('error', () => {});
  try {
    await deadline.race(connectClient(client, 'source'), 'The replication connection');
    await deadline.race(client.query('IDENTIFY_SYSTEM'), 'The replication connection');
    return { isOpen: true, sqlstate: null, words: '' };
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    const sqlstate = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
    return { isOpen: false, sqlstate, words: errorText(error) };
  } finally {
    // A polite end would wait for a server that no longer answers.
    await deadline.race(client.end(), 'The replication connection').catch(() => {});
  }
}
