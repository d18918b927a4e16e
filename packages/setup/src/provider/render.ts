import { inWords } from '../diagnose/fix.js';
import type { Provider } from './provider.js';

// Render's documentation: "Logical Replication with Render Postgres", "Create and Connect to Render Postgres".
export const render: Provider = {
  id: 'render',
  name: 'Render',
  // Within Render the name has no domain.
  isAddress: ({ host }) => /\.render\.com$/.test(host) || /^dpg-[a-z0-9]+-a$/.test(host),
  roles: [],
  setting({ name, value }) {
    if (name === 'wal_level') {
      return inWords(
        "ask Render's support in its dashboard for logical replication, with the database's id (dpg-…), the role and the schemas (a Pro workspace and 10 GB of storage are needed)",
      );
    }
    return inWords(`Render sets ${name} itself: ask its support for ${value}`);
  },
  replication: (role) => inWords(`ask Render's support in its dashboard for replication for role ${role}`),
  isPooler: () => false,
  direct: () => null,
  directWords: 'the Internal or External Database URL of the Info page in the Render dashboard',
  ipv4: 'Render answers by IPv4: check the host, and the name server of this machine',
  allowList: 'Info, Networking, Inbound IP Rules of the database in the Render dashboard',
  eventTriggers: null,
  tls: { isKnownAuthority: true, words: '' },
};
