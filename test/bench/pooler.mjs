import { createDatabase, dropDatabase, launchPgBouncer } from '@colophon/testkit';
import { compare, OPERATIONS_BY_NAME, prepare } from './emission.mjs';

/** The same behind PgBouncer in transaction mode, where no named statement of ours may be used. */
export async function pooler(server) {
  const url = await createDatabase(server.url());
  await prepare(url);
  const bouncer = await launchPgBouncer({ port: server.port });
  if (bouncer === null)
    return [{ what: 'behind PgBouncer', value: 'skipped', note: 'pgbouncer is not installed' }];
  try {
    // PgBouncer before 1.21 loses the application's own named statements in this mode.
    const operations = OPERATIONS_BY_NAME.filter(({ what }) => !what.includes('named'));
    return await compare(
      bouncer.url(url),
      operations.map(({ target, ...rest }) => rest),
      ' (PgBouncer)',
    );
  } finally {
    await bouncer.stop();
    await dropDatabase(url);
  }
}
