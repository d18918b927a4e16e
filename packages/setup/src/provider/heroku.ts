import { inWords } from '../diagnose/fix.js';
import type { Provider } from './provider.js';

const MADE_UP_DATABASE = /^d(?=.*\d)[a-z0-9]{12,14}$/;
const MADE_UP_USER = /^u(?=.*\d)[a-z0-9]{12,14}$/;
const IMPOSSIBLE =
  'Heroku Postgres gives no logical replication to its customers: move the database to a provider that does';

// Heroku's roadmap: "Support logical replication", open; its Dev Center: "Heroku Postgres", "Connecting to Heroku Postgres".
export const heroku: Provider = {
  id: 'heroku',
  name: 'Heroku',
  // Hosts are Amazon's, as of anybody's server there; the database's name is one that Heroku made up.
  isAddress: ({ host, user, database }) =>
    MADE_UP_DATABASE.test(database) &&
    (/^ec2-.*\.compute[^.]*\.amazonaws\.com$/.test(host) ||
      (/\.cluster-.*\.rds\.amazonaws\.com$/.test(host) && MADE_UP_USER.test(user))),
  roles: [],
  setting({ name, value }) {
    return name === 'wal_level'
      ? inWords(IMPOSSIBLE)
      : inWords(`Heroku sets ${name} itself: it can't be ${value}`);
  },
  replication: () => inWords(IMPOSSIBLE),
  isPooler: () => false,
  direct: () => null,
  directWords: 'DATABASE_URL of the application, not that of a pool (DATABASE_CONNECTION_POOL_URL)',
  ipv4: 'Heroku answers by IPv4: check the host, and the name server of this machine',
  allowList: 'none but Private Spaces have one: trusted IP ranges of the space',
  eventTriggers: null,
  tls: {
    isKnownAuthority: false,
    words: 'none: Heroku signs its certificates itself, so sslmode=require is all there is',
  },
};
