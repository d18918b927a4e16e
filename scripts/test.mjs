// `npm test`: install, build, lint, types, unit and integration tests, as on a fresh machine.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generatePrismaClients } from './generate-prisma-clients.mjs';
import { install, root, run, runCode, tool } from './run.mjs';

step('install');
install();
step('build');
run(tool('tsc'), ['-b']);
step('lint');
run(tool('biome'), ['ci', '--error-on-warnings']);
run(process.execPath, ['scripts/check-floors.mjs']);
run(tool('knip'), ['--include', 'files,exports,types', '--no-config-hints']);
step('prisma clients');
generatePrismaClients();
step('types');
run(tool('tsc'), ['-p', 'test/tsconfig.json']);
run(tool('tsc'), ['-p', 'scripts/tsconfig.unit-tests.json']);
step('tests');
const report = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-test-')), 'report.json');
const code = runCode(tool('vitest'), [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
]);
process.exit(summarise(code));

function step(name) {
  console.log(`\n— ${name}`);
}

/** Names what was skipped, then closes with the counts. */
function summarise(exitCode) {
  if (!fs.existsSync(report)) return exitCode || 1;
  const result = JSON.parse(fs.readFileSync(report, 'utf8'));
  fs.rmSync(path.dirname(report), { recursive: true });
  const skipped = [];
  for (const file of result.testResults) {
    for (const test of file.assertionResults) {
      if (test.status !== 'passed' && test.status !== 'failed') {
        skipped.push(`${path.relative(root, file.name)}: ${test.fullName}`);
      }
    }
  }
  for (const name of skipped) console.log(`skipped: ${name}`);
  // A file that failed to load has no tests of its own to fail.
  const broken = result.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((t) => t.status !== 'failed'),
  );
  const failed = result.numFailedTests + broken.length;
  console.log(
    `${result.numPassedTests} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`,
  );
  return exitCode !== 0 ? exitCode : failed > 0 ? 1 : 0;
}
