import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import type { FakeServer } from './fake-server.js';

const LISTENER = `const server = require('node:net').createServer();
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(server.address().port));`;
/** What the queue of a backlog of 1 takes. */
const ROOM = 2;

/**
 * A host that doesn't take connections, as behind a firewall that drops packets: a process that is stopped, with its queue of
 * connections full. The system answers no further one.
 */
export async function deafServer(): Promise<FakeServer> {
  const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const port = Number(line);
  child.kill('SIGSTOP');
  const sockets = Array.from({ length: ROOM }, () => net.connect(port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) socket.on('error', () => {});
  return {
    url: `postgres://app:hunter22secret@127.0.0.1:${port}/app`,
    async close() {
      for (const socket of sockets) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
