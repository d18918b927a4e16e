// `npm run demo`: installs what the demo needs (one PostgreSQL), builds, and runs examples/demo.
import { install, root, run, tool } from './run.mjs';

console.error("Installing (the lockfile's versions, one PostgreSQL) …");
install('colophon-workspace', 'colophon-demo...');
console.error('Building …');
run(tool('tsc'), ['-b', 'packages/cli', 'packages/pg', 'examples/support']);
run(process.execPath, ['examples/demo/demo.js'], { cwd: root });
