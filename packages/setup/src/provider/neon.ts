import { inWords } from '../diagnose/fix.js';
import type { Provider } from './provider.js';

const POOLED_HOST = /^([^.]+)-pooler\./;

// Neon's documentation: "Logical replication in Neon", "Connection pooling", "Manage roles", "Configure IP Allow".
export const neon: Provider = {
  id: 'neon',
  name: 'Neon',
  isAddress: ({ host }) => /\.neon\.(tech|build)$/.test(host),
  roles: ['neon_superuser'],
  setting({ name, value }) {
    if (name === 'wal_level') {
      return {
        remedy:
          'in the Neon console: Settings, Logical Replication, Enable (it restarts all computes, and can not be undone)',
        fix: { setting: { name: 'enable_logical_replication', value: 'true' }, restart: true },
      };
    }
    return inWords(`Neon sets ${name} itself: ask its support for ${value}`);
  },
  replication: (role) =>
    inWords(
      `let run connect as a role made in the Neon console, by its CLI or its API: these have REPLICATION (${role} hasn't)`,
    ),
  isPooler: ({ host }) => POOLED_HOST.test(host),
  direct(address) {
    const host = address.host.replace(POOLED_HOST, '$1.');
    return host === address.host ? null : { ...address, host };
  },
  directWords: 'in the Neon console: Connect, with "Connection pooling" off: the host without -pooler',
  ipv4: 'Neon answers by IPv4 too: check the name server of this machine',
  allowList: 'Settings, Network Security, IP Allow in the Neon console',
  eventTriggers: 'a role made in the Neon console, which is a member of neon_superuser',
  tls: { isKnownAuthority: true, words: '' },
};
