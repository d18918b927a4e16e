// `npm run soak -- --minutes 30`: installs, builds, and watches a steady workload for so long. Not part of `npm test`, but for its two-minute form.
import { install, run, tool } from './run.mjs';

install();
run(tool('tsc'), ['-b']);
run(process.execPath, ['test/soak/main.mjs', ...process.argv.slice(2)]);
