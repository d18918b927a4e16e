import { createDatabase, dropDatabase, findPgBouncer, launchPgBouncer } from '@colophon/testkit';
import { compare, OPERATIONS_BY_NAME, prepare } from './emission.mjs';

/** The same behind PgBouncer in transaction mode, where no named statement of ours may be used. */
export async function pooler(server) {
  if (findPgBouncer() === undefined) {
    return [{ what: 'behind PgBouncer', value: 'skipped', note: 'pgbouncer is not installed' }];
  }
  const url = await createDatabase(server.url());
  const bouncer = await launchPgBouncer(server.url());
  await prepare(url);
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
