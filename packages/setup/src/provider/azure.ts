import type { Provider } from './provider.js';
import { alterRole } from './self-managed.js';

// Microsoft's documentation: "Logical replication and logical decoding in Azure Database for PostgreSQL", "Server
// parameters", "PgBouncer in Azure Database for PostgreSQL", "Firewall rules", "Transport Layer Security".
export const azure: Provider = {
  id: 'azure',
  name: 'Azure Database for PostgreSQL',
  isAddress: ({ host }) =>
    /\.postgres\.database\.(azure\.com|chinacloudapi\.cn|usgovcloudapi\.net)$/.test(host),
  roles: ['azure_pg_admin'],
  setting({ name, value, needsRestart }) {
    const server = '--resource-group GROUP';
    const set = `az postgres flexible-server parameter set ${server} --server-name SERVER --name ${name} --value ${value}`;
    const restart = `az postgres flexible-server restart ${server} --name SERVER`;
    const command = needsRestart ? [set, restart] : [set];
    return { remedy: command.join(', then '), fix: { setting: { name, value }, restart: needsRestart } };
  },
  replication(role) {
    const advice = alterRole(role);
    return { remedy: `${advice.fix!.sql![0]} (as the server's administrator)`, fix: advice.fix };
  },
  isPooler: ({ port }) => port === 6432,
  direct: (address) => (address.port === 6432 ? { ...address, port: 5432 } : null),
  directWords: 'port 5432 of the same host; 6432 is its PgBouncer',
  ipv4: 'Azure answers by IPv4: check the host, and the name server of this machine',
  allowList: 'Settings, Networking, Firewall rules of the server in the Azure portal',
  eventTriggers: null,
  tls: { isKnownAuthority: true, words: '' },
};
