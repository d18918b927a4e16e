import { inWords } from '../diagnose/fix.js';
import type { Provider } from './provider.js';

const POOL_PORT = 25061;
const PORT = 25060;

// DigitalOcean's documentation: "How to Manage Connection Pools", "How to Modify PostgreSQL Database Permissions",
// "How to Secure PostgreSQL Database Clusters", and the advanced configuration of the API's database clusters.
export const digitalOcean: Provider = {
  id: 'digitalocean',
  name: 'DigitalOcean',
  isAddress: ({ host }) => /\.db\.ondigitalocean\.com$/.test(host),
  roles: ['doadmin'],
  setting({ name, value }) {
    if (name === 'wal_level') {
      return inWords(
        'DigitalOcean sets wal_level to logical itself: ask its support why this cluster has another',
      );
    }
    const json = JSON.stringify({ [name]: value });
    const command = `doctl databases configuration update CLUSTER --engine pg --config-json '${json}'`;
    return {
      remedy: `${command} (or ask DigitalOcean's support, where it doesn't take this one)`,
      fix: { setting: { name, value } },
    };
  },
  replication: (role) =>
    inWords(
      `let run connect as doadmin, which has REPLICATION (${role} hasn't), or ask DigitalOcean's support to give it`,
    ),
  isPooler: ({ port }) => port === POOL_PORT,
  // A pool's name stands in the place of the database's: the database behind it isn't known.
  direct: () => null,
  directWords: `Connection details with "Connection pool" off in the DigitalOcean control panel: port ${PORT}, not ${POOL_PORT}`,
  ipv4: 'DigitalOcean answers by IPv4: check the host, and the name server of this machine',
  allowList: 'Network Access, Trusted Sources of the cluster in the DigitalOcean control panel',
  eventTriggers: null,
  tls: {
    isKnownAuthority: false,
    words: 'ca-certificate.crt of Connection details in the DigitalOcean control panel',
  },
};
