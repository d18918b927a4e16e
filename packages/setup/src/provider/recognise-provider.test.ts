import { expect, it } from 'vitest';
import { PROVIDERS, recogniseProvider } from './recognise-provider.js';
import { selfManaged } from './self-managed.js';

const at = (host: string, user = 'me', database = 'app') => ({ host, port: 5432, user, database });

it.each([
  ['neon', at('ep-cool-lake-123.eu-central-1.aws.neon.tech'), []],
  ['supabase', at('db.abcdefgh.supabase.co'), []],
  ['supabase', at('aws-0-eu-west-1.pooler.supabase.com'), []],
  ['rds', at('db.abc123.eu-west-1.rds.amazonaws.com'), []],
  ['rds', at('db.cluster-abc123.eu-west-1.rds.amazonaws.com', 'postgres', 'documentstore'), []],
  ['heroku', at('ec2-1-2-3-4.compute-1.amazonaws.com', 'abcdefghijklmn', 'd8r82722r2kuvn'), []],
  ['heroku', at('cabc.cluster-xyz.us-east-1.rds.amazonaws.com', 'u3k2j4h5g6f7d8', 'd8r82722r2kuvn'), []],
  ['azure', at('mine.postgres.database.azure.com'), []],
  ['render', at('dpg-abc123-a.oregon-postgres.render.com'), []],
  ['render', at('dpg-abc123-a'), []],
  ['digitalocean', at('db-postgresql-fra1-1.b.db.ondigitalocean.com'), []],
  ['cloud-sql', at('10.1.2.3'), ['cloudsqlsuperuser']],
  ['rds', at('10.1.2.3'), ['rds_superuser']],
  ['supabase', at('127.0.0.1'), ['supabase_admin']],
  ['self-managed', at('db.example.com'), []],
  ['self-managed', at('ec2-1-2-3-4.compute-1.amazonaws.com'), []],
  ['self-managed', at('neon.tech.example.com'), []],
])('%s: %o with roles %j', (id, address, roles) => {
  expect(recogniseProvider(address, roles).id).toBe(id);
});

it.each([...PROVIDERS, selfManaged])('$name says how, and in one line', (provider) => {
  const answers = [
    provider.setting({ name: 'wal_level', value: 'logical', needsRestart: true }),
    provider.setting({ name: 'max_slot_wal_keep_size', value: '10GB', needsRestart: false }),
    provider.replication('me "too"'),
  ];
  const words = [provider.directWords, provider.ipv4, provider.allowList, provider.eventTriggers ?? 'nobody'];
  for (const text of [...answers.map(({ remedy }) => remedy), ...words]) {
    expect(text).toMatch(/^\S.*\S$/);
    expect(text).not.toMatch(/\.$/);
  }
  // What is quoted is quoted as SQL wants it.
  for (const { fix } of answers) {
    for (const sql of fix?.sql ?? []) if (sql.includes('too')) expect(sql).toContain('"me ""too"""');
  }
  const [walLevel, keep] = answers;
  expect(keep!.remedy).toContain('10GB');
  expect(walLevel!.remedy).not.toBe(keep!.remedy);
});

it.each([
  ['rds', 'rds.logical_replication', '1'],
  ['cloud-sql', 'cloudsql.logical_decoding', 'on'],
  ['azure', 'wal_level', 'logical'],
  ['self-managed', 'wal_level', 'logical'],
])('%s: wal_level is %s', (id, name, value) => {
  const provider = [...PROVIDERS, selfManaged].find((one) => one.id === id)!;
  expect(provider.setting({ name: 'wal_level', value: 'logical', needsRestart: true }).fix).toMatchObject({
    setting: { name, value },
    restart: true,
  });
});
