// Ratios measured in one run: `npm run bench`, or some parts of it: `npm run bench emission latency`.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchPostgres } from '@colophon/testkit';
import { bulk } from './bulk.mjs';
import { durableEmission, emission } from './emission.mjs';
import { latency } from './latency.mjs';
import { orms } from './orms.mjs';
import { pooler } from './pooler.mjs';
import { throughput } from './throughput.mjs';

const PARTS = { 'emission-durable': durableEmission, emission, orms, pooler, bulk, throughput, latency };
/** Parts that want a server as it comes, which waits for the disk at each commit; the others measure what is left without. */
const DURABLE = new Set(['emission-durable', 'orms']);
const chosen = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = chosen.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`No part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}.`);
  process.exit(2);
}

const major = process.env.PG_MAJOR ?? '18';
const here = path.dirname(fileURLToPath(import.meta.url));
const native = fs.realpathSync(path.join(here, '..', 'node_modules', `pg${major}`, 'native'));
// Autovacuum off: at these sizes it would start in the middle of one side of a comparison.
const settings = {
  autovacuum: 'off',
  max_wal_size: '8GB',
  shared_buffers: '512MB',
  checkpoint_timeout: '1h',
};
console.log(`PostgreSQL ${major}, Node ${process.version}, ${os.cpus().length} cores\n`);
for (const name of chosen.length > 0 ? chosen : Object.keys(PARTS)) {
  const fsync = DURABLE.has(name) ? 'on' : 'off';
  const servers = [];
  const startServer = async () => {
    const server = await launchPostgres({ native, settings: { ...settings, fsync } });
    servers.push(server);
    return server;
  };
  console.log(`${name}: fsync ${fsync}`);
  try {
    const rows = await PARTS[name](await startServer(), startServer);
    for (const { what, value, target, note } of rows) {
      const wanted = target === undefined ? '' : `target ${target}`;
      console.log(`${what.padEnd(58)} ${value.padStart(22)}   ${wanted.padEnd(16)} ${note ?? ''}`.trimEnd());
    }
    console.log('');
  } finally {
    for (const server of servers) await server.stop();
  }
}
