import fs from 'node:fs';
import path from 'node:path';
import { FINDING_IDS, type FindingId } from '@colophon/setup';
import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nativeDir } from '../embedded-postgres.js';
import { launchPrimaryAndStandby } from '../hot-standby.js';
import { Authority } from '../roles/certificates.js';
import { as } from '../roles/role-server.js';
import { prove } from './prove.js';
import { type Scenario, Scene } from './scene.js';
import { SLOT_SCENES } from './scenes/slot-scenes.js';
import { SOURCE_SCENES } from './scenes/source-scenes.js';
import { STORE_SCENES } from './scenes/store-scenes.js';
import { OTHER_HOST, TLS_SCENES, WAY_SCENES } from './scenes/way-scenes.js';

// Left to ALTER SYSTEM, which the command line would outdo.
const OPEN = { max_replication_slots: null, max_wal_senders: null };

/** A server as it comes, and a role that may do nothing yet. */
const AS_IT_COMES: Scenario = {
  name: 'a server as it comes, and an ordinary role',
  provokes: [
    'wal_level.low',
    'retention.unlimited',
    'role.replication',
    'role.create',
    'publication.missing',
    'ddl.none',
    'slot.missing',
    'store.missing',
  ],
  async provoke(scene) {
    await scene.sql(
      'CREATE ROLE app LOGIN',
      'CREATE TABLE todo (id int PRIMARY KEY)',
      'ALTER TABLE todo OWNER TO app',
    );
    scene.url = as(scene.url, 'app');
  },
};

/** What no server that can be started here has; each a pure function of what it is told, proven by the unit tests named. */
const BY_UNIT: Partial<Record<FindingId, string>> = {
  'host.ipv6': 'packages/setup/src/diagnose/way.test.ts',
  'clock.apart': 'packages/setup/src/diagnose/way.test.ts',
  'replication.refused': 'packages/setup/src/diagnose/way.test.ts',
  'version.unsound': 'packages/setup/src/diagnose/diagnose-server.test.ts',
};

const SCENES = [...SOURCE_SCENES, ...SLOT_SCENES, ...STORE_SCENES, ...WAY_SCENES];
let server: PostgresServer;

beforeAll(async () => {
  server = await launchPostgres({
    native: nativeDir(18),
    settings: { ...OPEN, max_prepared_transactions: 5 },
  });
});
afterAll(() => server.stop());

it('knows a proof for every finding that there is', () => {
  const provoked = [...SCENES, ...TLS_SCENES, AS_IT_COMES].flatMap(({ provokes }) => provokes);
  const known = new Set([...provoked, ...Object.keys(BY_UNIT), 'wal_level.standby']);
  expect([...known].sort()).toEqual([...FINDING_IDS].sort());
  for (const [finding, file] of Object.entries(BY_UNIT)) {
    const text = fs.readFileSync(path.join(import.meta.dirname, '../..', file), 'utf8');
    if (finding !== 'version.unsound') expect(text).toContain(`'${finding}'`);
  }
});

it.each(SCENES)('$name: $provokes', (scenario) => prove(server, scenario));

it(`${AS_IT_COMES.name}: ${AS_IT_COMES.provokes.join(', ')}`, async () => {
  const own = await launchPostgres({ native: nativeDir(18), settings: { wal_level: null } });
  try {
    await prove(own, AS_IT_COMES);
  } finally {
    await own.stop();
  }
});

it('the way to a server by TLS', async () => {
  const own = await launchPostgres({ native: nativeDir(18), settings: { max_prepared_transactions: 5 } });
  try {
    const authority = new Authority(own.dataDir, 'authority');
    const { cert, key } = authority.issue('server', OTHER_HOST);
    await own.restart({ ssl: 'on', ssl_cert_file: cert, ssl_key_file: key });
    for (const scenario of TLS_SCENES) {
      await prove(own, {
        ...scenario,
        async provoke(scene) {
          scene.rootFile = authority.file;
          await scenario.provoke(scene);
        },
      });
    }
  } finally {
    await own.stop();
  }
});

it('a standby: wal_level.standby', async () => {
  const pair = await launchPrimaryAndStandby('CREATE TABLE todo (id int PRIMARY KEY)');
  try {
    const scene = new Scene(pair.primary, pair.standby.url());
    const check = (await scene.doctor()).find(({ finding }) => finding === 'wal_level.standby');
    expect(check).toMatchObject({ code: 'UNSUPPORTED_SERVER', remedy: 'give the URL of the primary' });
    scene.url = pair.primary.url();
    const after = await scene.doctor();
    expect(after.find(({ name }) => name === 'wal_level')).toMatchObject({ verdict: 'ok' });
    await scene.end();
    scene.removeFolder();
  } finally {
    await pair.stop();
  }
});
