import { app } from './app.js';
import { startArchiving } from './archive.js';
import { prisma } from './prisma-client.js';

const stopArchiving = startArchiving(Number(process.env.ARCHIVE_EVERY_MS ?? 60_000));
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`Listening on http://127.0.0.1:${server.address().port}`);
});

process.once('SIGTERM', () => {
  server.close(async () => {
    await stopArchiving();
    await prisma.$disconnect();
  });
  server.closeIdleConnections();
});
