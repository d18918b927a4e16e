import type { PostgresServer } from '@colophon/testkit';
import type { Major } from '../embedded-postgres.js';
import { as, launchRoleServer, sql } from '../roles/role-server.js';

/** The services whose administrators are imitated. */
export type Provider = 'neon' | 'rds' | 'supabase';

/** A server on which nobody who uses it is a superuser. */
export interface ManagedServer {
  /** The application's database as the service's administrator. */
  readonly adminUrl: string;
  /** The same as another role. */
  as(role: string): string;
  /** What only the service itself may do, by its console or its patches of PostgreSQL. */
  service(...statements: string[]): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

interface Administrator {
  readonly name: string;
  /** Run one by one as the superuser, before the database is made. */
  readonly statements: readonly string[];
}

/**
 * What each gives its customers, as far as PostgreSQL's own rights go. What is patched into a service's server can't be had
 * here: event triggers by others than superusers, and replication by membership (RDS). So the administrator of `rds` has the
 * attribute REPLICATION; but as there the catalog doesn't show it, and he only sees that he is a member of `rds_replication`.
 */
const ADMINISTRATORS: Readonly<Record<Provider, Administrator>> = {
  neon: {
    name: 'neondb_owner',
    statements: [
      'CREATE ROLE neon_superuser NOLOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS',
      'GRANT pg_read_all_data, pg_write_all_data TO neon_superuser',
      'GRANT pg_monitor TO neon_superuser WITH ADMIN OPTION',
      'CREATE ROLE neondb_owner LOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS',
      'GRANT neon_superuser TO neondb_owner',
    ],
  },
  rds: {
    name: 'master',
    statements: [
      'CREATE ROLE rds_superuser NOLOGIN',
      'CREATE ROLE rds_replication NOLOGIN',
      'GRANT rds_replication, pg_monitor, pg_signal_backend TO rds_superuser WITH ADMIN OPTION',
      'CREATE ROLE master LOGIN CREATEDB CREATEROLE REPLICATION',
      'GRANT rds_superuser TO master',
    ],
  },
  supabase: {
    name: 'postgres',
    statements: [
      // The first superuser is called so here, and can't be made an ordinary role.
      'CREATE ROLE service_itself LOGIN SUPERUSER',
    ],
  },
};

const AS_SUPABASE = [
  'ALTER ROLE postgres RENAME TO supabase_admin',
  'CREATE ROLE postgres LOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS',
  'GRANT pg_monitor, pg_read_all_data, pg_signal_backend TO postgres',
  'CREATE ROLE anon NOLOGIN',
  'CREATE ROLE authenticated NOLOGIN',
  'GRANT anon, authenticated TO postgres WITH ADMIN OPTION',
];

/** What RDS' catalog says of its administrator, and of everybody: that nobody has the attribute. */
const HIDDEN_REPLICATION = [
  'CREATE SCHEMA shown',
  `CREATE VIEW shown.pg_roles AS SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
     false AS rolreplication, rolbypassrls, rolconfig FROM pg_catalog.pg_roles`,
  'GRANT USAGE ON SCHEMA shown TO PUBLIC',
  'GRANT SELECT ON shown.pg_roles TO PUBLIC',
];

/** Starts such a server with a database `app` of the administrator's. */
export async function launchManagedServer(provider: Provider, major: Major): Promise<ManagedServer> {
  const server: PostgresServer = await launchRoleServer(major);
  try {
    const { name, statements } = ADMINISTRATORS[provider];
    await sql(server.url(), ...statements);
    if (provider === 'supabase') await sql(as(server.url(), 'service_itself'), ...AS_SUPABASE);
    const root = provider === 'supabase' ? 'supabase_admin' : 'postgres';
    await sql(as(server.url(), root), `CREATE DATABASE app OWNER ${name}`);
    const service = as(server.url('app'), root);
    // Before 15 everybody might create there; the services' templates have it as since then.
    await sql(
      service,
      'ALTER SCHEMA public OWNER TO pg_database_owner',
      'REVOKE CREATE ON SCHEMA public FROM PUBLIC',
      'GRANT ALL ON SCHEMA public TO pg_database_owner',
    );
    if (provider === 'rds') {
      await sql(
        service,
        ...HIDDEN_REPLICATION,
        `ALTER ROLE ${name} IN DATABASE app SET search_path = public, shown, pg_catalog`,
      );
    }
    return {
      adminUrl: as(server.url('app'), name),
      as: (role) => as(server.url('app'), role),
      service: (...commands) => sql(service, ...commands),
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
