import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import { colophon } from '@colophon/prisma';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPrismaDatabase, type PrismaDatabase } from './prisma-database.js';
import { type Client, versions } from './prisma-version.js';

describe.each(versions)('whatever pool the adapter has, $name', (version) => {
  let database: PrismaDatabase;
  let id = 0;

  beforeAll(async () => {
    database = await openPrismaDatabase();
  });
  afterAll(() => database?.drop());

  const write = (prisma: Client, owner = 'ann') =>
    runWithContext({ user: owner }, () => prisma.item.create({ data: { id: ++id, owner } }));
  const extended = (prisma: Client) => prisma.$extends(colophon()) as unknown as Client;

  async function expectNamed(...owners: string[]): Promise<void> {
    expect(await database.changes()).toEqual(owners.map((owner) => ['CREATE', 'item', owner, owner]));
  }

  async function connections(): Promise<number> {
    const { rows } = await database.client.query(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    return rows[0].n;
  }

  it("the adapter's own, from a connection string; again after a disconnect", async () => {
    const prisma = extended(version.overUrl(database.url));
    expect(await connections()).toBe(0);
    await write(prisma);
    await Promise.all(['bob', 'cid', 'dan', 'eve'].map((owner) => write(prisma, owner)));
    expect(await connections()).toBeLessThanOrEqual(2);
    await prisma.$disconnect();
    await prisma.$connect();
    await write(prisma, 'fay');
    await prisma.$disconnect();
    const changes = await database.changes();
    expect(changes).toHaveLength(6);
    expect(changes.filter(([, , owner, user]) => owner !== user)).toEqual([]);
  });

  it("the adapter's own, connected and used before it was extended", async () => {
    const prisma = version.overUrl(database.url, 1);
    await prisma.$connect();
    await prisma.item.create({ data: { id: ++id, owner: 'nobody' } });
    expect(await database.changes()).toEqual([['CREATE', 'item', 'nobody', {}]]);
    const now = extended(prisma);
    await Promise.all([write(now, 'ann'), write(now, 'bob'), now.$transaction([write(now, 'cid')])]);
    expect(await connections()).toBe(1);
    await prisma.$disconnect();
    const changes = await database.changes();
    expect(changes.map(([, , owner, user]) => [owner, user]).sort()).toEqual(
      ['ann', 'bob', 'cid'].map((name) => [name, name]),
    );
  });

  it("the application's, instrumented or not; the client it was made from too", async () => {
    const config = { connectionString: database.url, max: 1 };
    for (const pool of [new pg.Pool(config), instrument(new pg.Pool(config))]) {
      const prisma = version.overPool(pool);
      await write(extended(prisma), 'ann');
      await write(prisma, 'bob');
      await runWithContext({ user: 'cid' }, () =>
        pool.query('INSERT INTO item (id, owner) VALUES ($1, $2)', [++id, 'cid']),
      );
      await prisma.$disconnect();
      expect(pool.ended).toBe(false);
      await pool.end();
      await expectNamed('ann', 'bob', 'cid');
    }
  });

  it('an adapter that cannot connect says what it says without Colophon', async () => {
    const nowhere = 'postgres://nobody@127.0.0.1:1/none';
    const seen = await Promise.all(
      [version.overUrl(nowhere), extended(version.overUrl(nowhere))].map((prisma) =>
        prisma.item.findMany().then(
          () => 'connected',
          ({ name, code, message }) => ({ name, code, message }),
        ),
      ),
    );
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]).not.toBe('connected');
  });
});
