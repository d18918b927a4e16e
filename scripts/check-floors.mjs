// A package may depend only on packages of lower floors, and imports only what it declares. Fails with each breach.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

const MAY_IMPORT = {
  protocol: [],
  context: [],
  pg: ['context', 'protocol'],
  core: ['protocol'],
  store: ['protocol'],
  setup: ['protocol'],
  'cls-hooked': ['context'],
  typeorm: ['pg', 'context', 'protocol'],
  cli: ['setup', 'core', 'store', 'protocol'],
};
const OWN = /from '(@colophon\/[a-z-]+)((?:\/[a-z-]+)*)'|import\('(@colophon\/[a-z-]+)/g;

const breaches = [];
for (const [name, allowed] of Object.entries(MAY_IMPORT)) {
  const folder = path.join(root, 'packages', name);
  const declared = Object.keys(
    JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).dependencies ?? {},
  );
  for (const dependency of declared.filter((d) => d.startsWith('@colophon/'))) {
    if (!allowed.includes(dependency.slice('@colophon/'.length)))
      breaches.push(`packages/${name} depends on ${dependency}`);
  }
  for (const file of fs.readdirSync(path.join(folder, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const text = fs.readFileSync(path.join(folder, 'src', file), 'utf8');
    for (const match of text.matchAll(OWN)) {
      const from = match[1] ?? match[3];
      if (!declared.includes(from)) breaches.push(`packages/${name}/src/${file} imports ${from}`);
    }
    if (text.includes("'pg-logical-replication'") && name !== 'core')
      breaches.push(`packages/${name}/src/${file} imports pg-logical-replication`);
  }
}
for (const breach of breaches) console.error(breach);
process.exit(breaches.length > 0 ? 1 : 0);
