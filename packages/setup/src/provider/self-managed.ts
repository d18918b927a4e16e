import { quoteIdentifier, quoteLiteral } from '@colophon/protocol';
import { type Advice, runSql } from '../diagnose/fix.js';
import type { Provider, SettingWish } from './provider.js';

/** `ALTER SYSTEM`, and what makes it count. */
function alterSystem({ name, value, needsRestart }: SettingWish): Advice {
  const alter = `ALTER SYSTEM SET ${name} = ${quoteLiteral(value)}`;
  if (!needsRestart) return runSql([alter, 'SELECT pg_reload_conf()'], null);
  return {
    remedy: `${alter}, then restart PostgreSQL`,
    fix: { sql: [alter], as: null, restart: true, setting: { name, value } },
  };
}

/** `ALTER ROLE … REPLICATION`, by a superuser, or since 16 by who has CREATEROLE and REPLICATION. */
export function alterRole(role: string): Advice {
  return runSql([`ALTER ROLE ${quoteIdentifier(role)} REPLICATION`], null, ' (as a superuser)');
}

/** A server of one's own: whatever isn't recognised. */
export const selfManaged: Provider = {
  id: 'self-managed',
  name: 'PostgreSQL',
  isAddress: () => false,
  roles: [],
  setting: alterSystem,
  replication: alterRole,
  isPooler: () => false,
  direct: () => null,
  directWords: "the server's own host and port, as in its listen_addresses and port",
  ipv4: 'let the server listen on an IPv4 address too and give the host an A record, or give this machine IPv6',
  allowList: 'pg_hba.conf, listen_addresses and the firewall',
  eventTriggers: 'a superuser',
  tls: { isKnownAuthority: false, words: "the certificate of the authority that signed the server's" },
};
