// The Prisma clients of test/prisma-*, where they are missing or older than what they are made from. Offline: Prisma's own downloads are pointed away from.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run } from './run.mjs';

/** Each schema, and the folder that its client goes to. */
const CLIENTS = [
  ['test/prisma-7', 'schema.prisma', 'generated'],
  ['test/prisma-7', 'schema-snippet.prisma', 'snippet/generated/prisma'],
  // For another database, to be refused.
  ['test/prisma-7', 'schema-mysql.prisma', 'generated-mysql'],
  ['test/prisma-6', 'schema.prisma', 'generated'],
  // On the Rust engine, to be refused; it never gets its engine.
  ['test/prisma-6', 'schema-rust.prisma', 'generated-rust'],
];

// Not a program that succeeds: then commands that need the engine would do nothing and say that all is well.
const NO_ENGINE = '/bin/false';
const OFFLINE = {
  PRISMA_SCHEMA_ENGINE_BINARY: NO_ENGINE,
  PRISMA_QUERY_ENGINE_LIBRARY: NO_ENGINE,
  PRISMA_HIDE_UPDATE_MESSAGE: '1',
  CHECKPOINT_DISABLE: '1',
};

/** Makes the clients that are missing or outdated. */
export function generatePrismaClients() {
  for (const [folder, schema, output] of CLIENTS) {
    const cwd = path.join(root, folder);
    const made = path.join(cwd, output);
    const stamp = path.join(made, '.made-from');
    const from = ['package.json', schema]
      .map((file) => fs.readFileSync(path.join(cwd, file), 'utf8'))
      .join('');
    if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === from) continue;
    fs.rmSync(made, { recursive: true, force: true });
    run(path.join(cwd, 'node_modules/.bin/prisma'), ['generate', '--schema', schema, '--no-hints'], {
      cwd,
      env: { ...process.env, ...OFFLINE },
    });
    fs.writeFileSync(stamp, from);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generatePrismaClients();
