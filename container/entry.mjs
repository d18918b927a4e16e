// The container's first process: with COLOPHON_INIT=yes `colophon init --yes` before `colophon run`, then the command itself.
//
// The command runs in this process, so signals reach it as they come. The first process of a container isn't ended by a
// signal that nobody listens to: so this listens from its first moment until the command does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'];
const YES = /^(1|true|yes|on)$/i;
const NO = /^(0|false|no|off|)$/i;

const load = createRequire(import.meta.url);
const program = load.resolve('colophon/bin/colophon.js');
const wanted = process.env.COLOPHON_INIT ?? '';
let stopped = false;
let initializing;

function stop(signal) {
  stopped = true;
  initializing?.kill(signal);
}

for (const signal of SIGNALS) process.on(signal, stop);
if (process.argv[2] === 'run') {
  if (YES.test(wanted)) await initialize();
  else if (!NO.test(wanted)) fail(`COLOPHON_INIT is yes or no, got ${JSON.stringify(wanted)}.`);
}
if (stopped) process.exit(0);
load(program);
for (const signal of SIGNALS) process.off(signal, stop);

/** Runs `colophon init` to its end; what it fails with ends the container, too. */
async function initialize() {
  initializing = spawn(process.execPath, [program, 'init', '--yes'], { stdio: 'inherit' });
  const [code] = await once(initializing, 'exit');
  if (code !== 0 && !stopped) process.exit(code ?? 1);
}

function fail(message) {
  process.stderr.write(`colophon: ${message} [INVALID_OPTION]\n`);
  process.exit(1);
}
