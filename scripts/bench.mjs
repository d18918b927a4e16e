// `npm run bench [part …]`: installs, builds, and prints ratios measured in one run. Not a test.
import { install, run, tool } from './run.mjs';

install();
run(tool('tsc'), ['-b']);
run(process.execPath, ['test/bench/main.mjs', ...process.argv.slice(2)]);
