import type { Connection } from '../connect.js';
import type { Provider } from './provider.js';
import { PROVIDER_ROLES, recogniseProvider } from './recognise-provider.js';

/** Whose server the connection leads to. */
export async function inspectProvider(connection: Connection): Promise<Provider> {
  const rows = await connection.query<{ role: string }>(
    'SELECT rolname::text AS role FROM pg_roles WHERE rolname = ANY ($1::text[])',
    [PROVIDER_ROLES],
  );
  return recogniseProvider(
    connection.peer,
    rows.map(({ role }) => role),
  );
}
