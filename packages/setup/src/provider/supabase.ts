import { inWords } from '../diagnose/fix.js';
import type { Provider } from './provider.js';
import { alterRole } from './self-managed.js';

/** The project by the role's name at the pooler: `postgres.abcdefghijklmnop`. */
const POOLED_USER = /^(.+)\.([a-z0-9]+)$/;

/** The pooler that projects share. */
const isShared = (host: string): boolean => /\.pooler\.supabase\.com$/.test(host);

// Supabase's documentation: "Connect to your database", "Dedicated IPv4 address", "Manual replication setup",
// "Customizing Postgres configs", "Event triggers", "Postgres SSL enforcement".
export const supabase: Provider = {
  id: 'supabase',
  name: 'Supabase',
  isAddress: ({ host }) => /\.supabase\.(co|com)$/.test(host),
  roles: ['supabase_admin'],
  setting({ name, value }) {
    if (name === 'wal_level') {
      return inWords(
        'Supabase sets wal_level to logical itself: ask its support why this project has another',
      );
    }
    const command = `supabase --experimental --project-ref PROJECT postgres-config update --config ${name}=${value}`;
    return { remedy: command, fix: { setting: { name, value } } };
  },
  replication(role) {
    const { fix } = alterRole(role);
    return {
      remedy: `${fix!.sql![0]} (as postgres, from PostgreSQL 17 on; before, let run connect as postgres, which has it)`,
      fix: { ...fix, as: 'postgres' },
    };
  },
  isPooler: ({ host, port }) => isShared(host) || port === 6543,
  direct(address) {
    const [, user, project] = POOLED_USER.exec(address.user) ?? [];
    if (isShared(address.host) && user !== undefined) {
      return { ...address, user, host: `db.${project}.supabase.co`, port: 5432 };
    }
    return !isShared(address.host) && address.port === 6543 ? { ...address, port: 5432 } : null;
  },
  directWords: 'in the Supabase dashboard: Connect, Direct connection: db.PROJECT.supabase.co, port 5432',
  ipv4: 'the direct host has IPv6 only, and the session pooler, which has IPv4, can not replicate: switch on the IPv4 add-on (Settings, Add-ons in the Supabase dashboard), or give this machine IPv6',
  allowList: 'Database, Settings, Network Restrictions in the Supabase dashboard',
  eventTriggers: 'postgres',
  tls: {
    isKnownAuthority: false,
    words: 'prod-ca-2021.crt of Database, Settings, SSL Configuration in the Supabase dashboard',
  },
};
