import type { Provider } from './provider.js';
import { alterRole } from './self-managed.js';

// Google's documentation: "Set up logical replication and decoding", "Configure database flags", "About PostgreSQL users
// and roles", "Authorize with authorized networks".
export const cloudSql: Provider = {
  id: 'cloud-sql',
  name: 'Google Cloud SQL',
  isAddress: ({ host }) => /\.sql\.goog$/.test(host),
  roles: ['cloudsqlsuperuser'],
  setting({ name, value }) {
    const setting =
      name === 'wal_level' ? { name: 'cloudsql.logical_decoding', value: 'on' } : { name, value };
    const command = `gcloud sql instances patch INSTANCE --database-flags=${setting.name}=${setting.value}`;
    return {
      remedy: `${command} (with all flags that are set already, since those left out are reset; it restarts the instance)`,
      fix: { setting, restart: true },
    };
  },
  replication(role) {
    const advice = alterRole(role);
    return {
      remedy: `${advice.fix!.sql![0]} (as postgres, or another member of cloudsqlsuperuser)`,
      fix: advice.fix,
    };
  },
  // A managed pool has an address of its own, by which nothing can be told.
  isPooler: () => false,
  direct: () => null,
  directWords: "the instance's own IP address, or the Cloud SQL Auth Proxy, not its managed connection pool",
  ipv4: 'Cloud SQL answers by IPv4: check the host, and the name server of this machine',
  allowList:
    'Connections, Networking, Authorized networks in the Google Cloud console; or the Cloud SQL Auth Proxy',
  eventTriggers: 'a member of cloudsqlsuperuser',
  tls: {
    isKnownAuthority: false,
    words:
      "server-ca.pem of Connections, Security in the Google Cloud console; with an instance's own authority the host isn't in the certificate: sslmode=verify-ca",
  },
};
