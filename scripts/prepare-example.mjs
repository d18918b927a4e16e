// Before `npm start` of an example: installs and builds what is missing, of the workspace and of the example in the working directory.
import fs from 'node:fs';
import path from 'node:path';
import { install, run, tool } from './run.mjs';

const example = process.cwd();
const manifest = JSON.parse(fs.readFileSync(path.join(example, 'package.json'), 'utf8'));

const isInstalled = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).every((name) =>
  fs.existsSync(path.join(example, 'node_modules', name)),
);
if (!isInstalled) {
  console.error("Installing (the lockfile's versions, one PostgreSQL) …");
  install('colophon-workspace', `${manifest.name}...`);
}
console.error('Building …');
const ours = Object.keys(manifest.dependencies).filter((name) => /^(@colophon\/|colophon$)/.test(name));
const folders = ours.map((name) => fs.realpathSync(path.join(example, 'node_modules', name)));
run(tool('tsc'), ['-b', ...folders, 'examples/support']);
// Prisma fetches an engine that generating a client doesn't need, and that some networks refuse.
const offline = process.platform === 'win32' ? {} : { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/false' };
const env = { ...process.env, ...offline, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' };
run('npm', ['run', 'build', '--silent'], { cwd: example, env });
