import { expect, it } from 'vitest';
import type { Peer } from '../connect.js';
import { azure } from '../provider/azure.js';
import { digitalOcean } from '../provider/digitalocean.js';
import { neon } from '../provider/neon.js';
import { rds } from '../provider/rds.js';
import { selfManaged } from '../provider/self-managed.js';
import { supabase } from '../provider/supabase.js';
import { diagnoseClock } from './diagnose-clock.js';
import { diagnoseConnection, pooledAddress } from './diagnose-connection.js';
import { diagnoseHost } from './diagnose-host.js';
import { diagnoseTls } from './diagnose-tls.js';

const V6 = { address: '2600:1f18::1', family: 6 };
const V4 = { address: '192.0.2.1', family: 4 };

it('a host of IPv6 alone is out of reach of a machine without it', () => {
  const host = 'db.abcdefgh.supabase.co';
  expect(diagnoseHost({ host, addresses: [V6], failure: null, hasIpv6: false }, supabase)).toMatchObject([
    {
      finding: 'host.ipv6',
      verdict: 'fail',
      message: expect.stringContaining('2600:1f18::1'),
      remedy: expect.stringMatching(/session pooler.* can not replicate.*IPv4 add-on/),
    },
  ]);
  expect(diagnoseHost({ host, addresses: [V6], failure: null, hasIpv6: true }, supabase)).toEqual([]);
  expect(diagnoseHost({ host, addresses: [V6, V4], failure: null, hasIpv6: false }, supabase)).toEqual([]);
  expect(diagnoseHost({ host, addresses: [], failure: 'ENOTFOUND', hasIpv6: true }, neon)).toMatchObject([
    { finding: 'host.unknown', remedy: expect.stringContaining('Neon console') },
  ]);
});

const at = (host: string, port = 5432, user = 'me', database = 'app') => ({ host, port, user, database });

it.each([
  [
    neon,
    at('ep-cool-lake-123-pooler.eu-central-1.aws.neon.tech'),
    'postgres://me@ep-cool-lake-123.eu-central-1.aws.neon.tech:5432/app',
  ],
  [
    supabase,
    at('aws-0-eu-west-1.pooler.supabase.com', 6543, 'postgres.abcdefgh', 'postgres'),
    'postgres://postgres@db.abcdefgh.supabase.co:5432/postgres',
  ],
  [
    supabase,
    at('aws-0-eu-west-1.pooler.supabase.com', 5432, 'postgres.abcdefgh', 'postgres'),
    'postgres://postgres@db.abcdefgh.supabase.co:5432/postgres',
  ],
  [supabase, at('db.abcdefgh.supabase.co', 6543), 'postgres://me@db.abcdefgh.supabase.co:5432/app'],
  [azure, at('x.postgres.database.azure.com', 6432), 'postgres://me@x.postgres.database.azure.com:5432/app'],
])('%o: a pooler is known by its address, and so is the server behind it', (provider, address, value) => {
  expect(pooledAddress(address, provider)).toMatchObject({
    finding: 'connection.pooled',
    verdict: 'fail',
    fix: { setting: { name: '--source', value } },
  });
  const direct = new URL(value);
  const { hostname: host, port } = direct;
  expect(pooledAddress({ ...address, host, port: Number(port) }, provider)).toBeNull();
});

it('a pooler whose server is not known by it has words', () => {
  const pool = at('db-1.b.db.ondigitalocean.com', 25061);
  expect(pooledAddress(pool, digitalOcean)).toMatchObject({
    fix: null,
    remedy: expect.stringContaining('25060'),
  });
  expect(pooledAddress({ ...pool, port: 25060 }, digitalOcean)).toBeNull();
  expect(pooledAddress(at('x.proxy-abc.eu-west-1.rds.amazonaws.com'), rds)?.remedy).toContain('RDS Proxy');
});

const peer: Peer = { ...at('db.example.com'), isEncrypted: false, isVerified: false, processId: 7 };
const health = { backendPid: 7, serverAddress: '192.0.2.1', serverPort: 5433 };
const refused = (sqlstate: string | null) => ({ isOpen: false, sqlstate, words: 'no' });

it('a pooler is known by what it does; a proxy that lets replication through is none', () => {
  const address = peer;
  const by = (processId: number, replication: Parameters<typeof diagnoseConnection>[0]['replication']) =>
    diagnoseConnection({ address, peer: { ...peer, processId }, health, replication }, selfManaged);
  expect(by(7, { isOpen: true, sqlstate: null, words: '' })).toMatchObject([
    { name: 'connection', verdict: 'ok', message: 'direct' },
    { name: 'replication', verdict: 'ok' },
  ]);
  expect(by(8, { isOpen: true, sqlstate: null, words: '' })).toMatchObject([
    { verdict: 'ok' },
    { verdict: 'ok' },
  ]);
  expect(by(8, refused('08P01'))).toMatchObject([
    { finding: 'connection.pooled', fix: { setting: { value: 'postgres://me@192.0.2.1:5433/app' } } },
  ]);
  expect(by(7, refused('42501'))[1]).toMatchObject({
    finding: 'replication.right',
    code: 'PRIVILEGE_MISSING',
  });
  expect(by(8, refused('42501'))[1]).toMatchObject({ finding: 'replication.right' });
  expect(by(7, refused('28000'))[1]).toMatchObject({
    finding: 'replication.refused',
    verdict: 'fail',
    remedy: expect.stringContaining('pg_hba.conf'),
  });
  expect(by(7, refused('53300'))[1]).toMatchObject({ name: 'replication', verdict: 'ok' });
  expect(by(7, null)).toHaveLength(1);
});

it('plain text is fine on this machine alone, and encryption wants a look at the certificate', () => {
  const tls = (host: string, isEncrypted: boolean, isVerified: boolean) =>
    diagnoseTls('source', { ...peer, isEncrypted, isVerified }, at(host), neon);
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1', '/run/postgresql']) {
    expect(tls(host, false, false).verdict).toBe('ok');
  }
  expect(tls('db.example.com', true, true).verdict).toBe('ok');
  expect(tls('192.0.2.1', false, false)).toMatchObject({ finding: 'tls.none', verdict: 'warn' });
  expect(tls('db.example.com', true, false)).toMatchObject({
    finding: 'tls.unverified',
    remedy: 'add sslmode=verify-full to the URL of --source',
  });
  expect(diagnoseTls('store', peer, at('db'), rds).remedy).toMatch(
    /--store, and sslrootcert=FILE.*global-bundle/,
  );
});

it.each([
  [0, 1, 'ok'],
  [4_000, 1, 'ok'],
  [-4_000, 1, 'ok'],
  [6_000, 2_000, 'ok'],
  [6_000, 10, 'warn'],
  [-60_000, 10, 'warn'],
])('clocks %i ms apart, known to %i ms', (offsetMs, rangeMs, verdict) => {
  const check = diagnoseClock('source', offsetMs, rangeMs);
  expect(check).toMatchObject({ verdict, finding: verdict === 'warn' ? 'clock.apart' : null });
  if (verdict === 'warn') expect(check.message).toContain(offsetMs > 0 ? '6 s ahead' : '60 s behind');
});
