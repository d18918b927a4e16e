import { quoteIdentifier } from '@colophon/protocol';
import { runSql } from '../diagnose/fix.js';
import type { Provider } from './provider.js';

// AWS's documentation: "Performing logical replication for RDS for PostgreSQL", "Setting up logical replication for your
// Aurora PostgreSQL DB cluster", "Event triggers for RDS for PostgreSQL", "Using SSL with a PostgreSQL DB instance".
export const rds: Provider = {
  id: 'rds',
  name: 'Amazon RDS or Aurora',
  isAddress: ({ host }) => /\.rds\.amazonaws\.com(\.cn)?$/.test(host),
  roles: ['rds_superuser'],
  setting({ name, value, needsRestart }) {
    const setting = name === 'wal_level' ? { name: 'rds.logical_replication', value: '1' } : { name, value };
    const method = needsRestart ? 'pending-reboot' : 'immediate';
    const then = needsRestart ? ', then reboot the instance' : '';
    const command = `aws rds modify-db-parameter-group --db-parameter-group-name GROUP --parameters ParameterName=${setting.name},ParameterValue=${setting.value},ApplyMethod=${method}`;
    return {
      remedy: `set ${setting.name} to ${setting.value} in a parameter group of your own (of Aurora: the cluster's)${then}: ${command}`,
      fix: { setting, restart: needsRestart },
    };
  },
  replication: (role) =>
    runSql([`GRANT rds_replication TO ${quoteIdentifier(role)}`], null, ' (as the master user)'),
  isPooler: ({ host }) => /\.proxy-[a-z0-9]+\./.test(host),
  direct: () => null,
  directWords:
    "the endpoint of the instance (of Aurora: the cluster's writer) in the RDS console, not that of an RDS Proxy",
  ipv4: 'set the network type of the instance to dual-stack in the RDS console, or give this machine IPv6',
  allowList: 'the inbound rules of the security group of the instance',
  eventTriggers: 'the master user, or another member of rds_superuser',
  tls: {
    isKnownAuthority: false,
    words: 'global-bundle.pem of https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem',
  },
};
