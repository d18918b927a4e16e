// Asks the run in this container for /healthz, or the page that is named: `node healthcheck.mjs /readyz`. Ends with 0 where it answers 200.
const TIMEOUT_MS = 5_000;
const EVERYWHERE = /^(0\.0\.0\.0|\[::\]):/;

const page = process.argv[2] ?? '/healthz';
const listen = (process.env.COLOPHON_LISTEN ?? '').replace(EVERYWHERE, '127.0.0.1:');
if (listen === '') end('COLOPHON_LISTEN is not set: nothing can be asked for its health.', 1);
const address = listen.includes(':') ? listen : `127.0.0.1:${listen}`;
try {
  const response = await fetch(`http://${address}${page}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  end((await response.text()).trim(), response.ok ? 0 : 1);
} catch (error) {
  end(`No answer from ${address}: ${error.cause?.code ?? error.name}.`, 1);
}

function end(text, code) {
  process.stdout.write(`${text}\n`, () => process.exit(code));
}
