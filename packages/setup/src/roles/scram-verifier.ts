import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { ColophonError } from '@colophon/protocol';

const ITERATIONS = 4096;

/**
 * What PostgreSQL keeps in place of a password, made here so that the password itself never goes into a statement: not
 * into the server's log, nor `pg_stat_activity`, nor `pg_stat_statements`. Throws `INVALID_OPTION` for a password that is
 * empty, or that clients would normalise each in its own way.
 * @see https://www.postgresql.org/docs/current/sasl-authentication.html
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  if (!/^[\x20-\x7e]+$/.test(password)) {
    throw new ColophonError(
      'INVALID_OPTION',
      'The password must be one line of ASCII characters: others are not read alike by every client.',
    );
  }
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const key = (name: string) => createHmac('sha256', salted).update(name).digest();
  const storedKey = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${key('Server Key').toString('base64')}`;
}
