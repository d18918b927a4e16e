import { runWithContext } from '@colophon/context';
import { prisma } from './prisma-client.js';

/** Every so often archives what is done: a job inside the server, in nobody's request. Gives a function that ends it, after the run that may be under way. */
export function startArchiving(everyMs) {
  let running = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(archiveDoneTodos).catch((error) => console.error(error));
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

/** The run stands inside the job, not around the timer: each time is a run of its own. */
function archiveDoneTodos() {
  return runWithContext({ job: 'archive-done-todos' }, () =>
    prisma.todo.updateMany({ where: { done: true, archivedAt: null }, data: { archivedAt: new Date() } }),
  );
}
