// `npm run bench [part …]`: installs, builds, and prints ratios measured in one run. Not a test.
import { generatePrismaClients } from './generate-prisma-clients.mjs';
import { install, run, tool } from './run.mjs';

install();
run(tool('tsc'), ['-b']);
generatePrismaClients();
run(process.execPath, ['test/bench/main.mjs', ...process.argv.slice(2)]);
