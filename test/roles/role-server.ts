import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { type Major, nativeDir } from '../embedded-postgres.js';

/** A server of one's own, since roles are a whole server's. */
export async function launchRoleServer(major: Major): Promise<PostgresServer> {
  return launchPostgres({ native: nativeDir(major) });
}

/** The URL as another role, with a password or none. */
export function as(url: string, role: string, password = ''): string {
  const other = new URL(url);
  other.username = role;
  other.password = password;
  return other.href;
}

/** Runs statements one after the other on a connection of its own; the last one's rows. */
export async function sql(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows ?? [];
    return rows;
  } finally {
    await client.end();
  }
}

/** The SQLSTATE that a statement fails with, or `ok`. */
export async function outcome(url: string, statement: string): Promise<string> {
  return (await outcomes(url, [statement]))[statement]!;
}

/** The same of several, one after the other on one connection, each a transaction of its own. */
export async function outcomes(url: string, statements: readonly string[]): Promise<Record<string, string>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found: Record<string, string> = {};
    for (const statement of statements) {
      found[statement] = await client.query(statement).then(
        () => 'ok',
        (error: { code?: string }) => error.code ?? String(error),
      );
    }
    return found;
  } finally {
    await client.end();
  }
}
