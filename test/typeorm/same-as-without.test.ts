import { runWithContext } from '@colophon/context';
import { createDatabase, dropDatabase, plainly, startProxy } from '@colophon/testkit';
import { ColophonSubscriber } from '@colophon/typeorm';
import type { DataSource, EntityManager, Logger } from 'typeorm';
import { describe, expect, inject, it } from 'vitest';
import { type Author, librarySchema } from './library-schema.js';
import { type TypeOrm, VERSIONS } from './versions.js';

type Schema = ReturnType<typeof librarySchema>;
type Step = (dataSource: DataSource, schema: Schema) => Promise<unknown>;

const rejection = (work: Promise<unknown>) =>
  work.then(
    () => 'resolved',
    (error: unknown) => error,
  );

/** One after the other, on one data source: what each gives, or fails with, is compared. */
const SCRIPT: Record<string, Step> = {
  'save of a graph': (on, { author }) =>
    on.getRepository<Author>(author).save({
      name: 'Ann',
      books: [{ title: 'one', tags: [{ label: 'x' }, { label: 'y' }] }, { title: 'two' }],
    }),
  'save again': async (on, { author }) =>
    on
      .getRepository<Author>(author)
      .save({ ...(await on.getRepository<Author>(author).findOneByOrFail({ name: 'Ann' })), born: 1900 }),
  'save of what is there': async (on, { author }) =>
    on.manager.save(author, (await on.manager.findOneBy(author, { id: 1 }))!),
  'save of nothing': (on, { author }) => on.manager.save(author, []),
  'insert of two': (on, { author }) => on.manager.insert(author, [{ name: 'Bob' }, { name: 'Cid' }]),
  'insert of a name that is there': (on, { author }) => on.manager.insert(author, { name: 'Ann' }),
  'insert that a check refuses': (on, { author }) => on.manager.insert(author, { name: 'Dee', born: -1 }),
  'insert of a null': (on, { author }) => on.manager.insert(author, { name: null as never }),
  'save of a graph that fails in its midst': (on, { author }) =>
    on.manager.save(author, [{ name: 'Eve', books: [{ title: 'three' }] }, { name: 'Ann' }]),
  update: (on, { author }) => on.manager.update(author, { name: 'Bob' }, { born: 3 }),
  'update of nothing': (on, { author }) => on.manager.update(author, { name: 'nobody' }, { born: 3 }),
  upsert: (on, { author }) =>
    on.manager.upsert(author, [{ name: 'Bob', born: 5 }, { name: 'Fay' }], ['name']),
  'soft deletion and back': async (on, { author }) => [
    await on.manager.softDelete(author, { name: 'Fay' }),
    await on.manager.findOneBy(author, { name: 'Fay' }),
    await on.manager.restore(author, { name: 'Fay' }),
    await on.manager.softRemove(author, await on.manager.findOneByOrFail(author, { name: 'Fay' })),
  ],
  delete: (on, { author }) => on.manager.delete(author, { name: 'Cid' }),
  remove: async (on, { book }) =>
    on.manager.remove(book, await on.manager.findOneByOrFail(book, { title: 'two' })),
  'query builders': async (on, { author }) => [
    await on.createQueryBuilder().insert().into(author).values({ name: 'Gus' }).returning('*').execute(),
    await on.createQueryBuilder().insert().into(author).values({ name: 'Gus' }).orIgnore().execute(),
    await on
      .createQueryBuilder()
      .update(author)
      .set({ born: 9 })
      .where("name = 'Gus'")
      .returning(['id'])
      .execute(),
    await on.createQueryBuilder().delete().from(author).where("name = 'Gus'").execute(),
  ],
  'find with relations': (on, { author }) =>
    on.getRepository<Author>(author).find({ relations: { books: { tags: true } }, order: { id: 'ASC' } }),
  'raw queries': async (on) => [
    await on.query('SELECT id, name FROM author WHERE id = $1', [1]),
    await on.query('UPDATE author SET born = 8 WHERE id = 1'),
    await on.query('INSERT INTO note (text) VALUES ($1) RETURNING *', ['n']),
    await on.query('INSERT INTO note (text) VALUES ($1)', ['n']),
    await on.query("DELETE FROM note WHERE text = 'n'"),
    await on.query('SELECT 1; SELECT 2'),
    await rejection(on.query('SELEC 1')),
    await rejection(on.query('INSERT INTO missing VALUES ($1)', [1])),
  ],
  'structured results': async (on) => {
    const runner = on.createQueryRunner();
    const results = [
      await runner.query('SELECT 1 AS one', [], true),
      await runner.query('UPDATE author SET born = 8 WHERE id = 1 RETURNING id', [], true),
    ];
    await runner.release();
    return [...results, await rejection(runner.query('SELECT 1')), runner.isReleased];
  },
  'isolation levels': async (on) => {
    const seen = [];
    for (const level of ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const)
      seen.push(await on.transaction(level, (manager) => manager.query('SHOW transaction_isolation')));
    return seen;
  },
  'a transaction that the application ends': async (on, { author }) => {
    const own = new Error('own');
    const seen = await rejection(
      on.transaction(async (manager) => {
        await manager.insert(author, { name: 'gone' });
        throw own;
      }),
    );
    return [seen === own, await on.manager.countBy(author, { name: 'gone' })];
  },
  'savepoints, one rolled back, after an error': (on, { author }) =>
    on.transaction(async (outer) => [
      await outer.transaction((inner) => inner.insert(author, { name: 'Hal' })),
      await rejection(outer.transaction((inner) => inner.insert(author, { name: 'Hal' }))),
      await rejection(outer.transaction((inner) => inner.query('SELECT 1 / 0'))),
      await outer.insert(author, { name: 'Ida' }),
    ]),
  'a transaction that an error has ended': (on, { author }) =>
    on.transaction(async (manager) => [
      await rejection(manager.insert(author, { name: 'Hal' })),
      await rejection(manager.insert(author, { name: 'Joy' })),
    ]),
  'a serialization failure': (on, { author }) =>
    on.transaction('REPEATABLE READ', async (first) => {
      await first.countBy(author, {});
      await on.manager.increment(author, { name: 'Ann' }, 'born', 1);
      return rejection(first.increment(author, { name: 'Ann' }, 'born', 1));
    }),
  'saves at once in one transaction': (on, { note }) =>
    on.transaction((manager: EntityManager) =>
      Promise.all([1, 2, 3].map((n) => manager.insert(note, { text: `at once ${n}` }))),
    ),
  'a stream': async (on, { author }) => {
    const rows = [];
    const stream = await on.getRepository(author).createQueryBuilder('a').orderBy('a.id').stream();
    for await (const row of stream) rows.push(row);
    return rows;
  },
  clear: (on, { note }) => on.getRepository(note).clear(),
  'everything that is there': async (on) => [
    await on.query('SELECT id, name, born FROM author ORDER BY id'),
    await on.query('SELECT * FROM book ORDER BY id'),
    await on.query('SELECT * FROM note'),
    await on.query('SELECT * FROM book_tag ORDER BY 1, 2'),
  ],
};

/** All that TypeORM tells the application: its log and its events, with what they carry. */
function witness({ EventSubscriber }: TypeOrm) {
  const seen: unknown[] = [];
  const say = (kind: string, ...parts: unknown[]) =>
    void seen.push([kind, ...parts.map((part) => plainly(part))]);
  const logger: Logger = {
    logQuery: (query, values) => say('query', query, values),
    logQueryError: (error, query, values) => say('error', error, query, values),
    logQuerySlow: () => undefined,
    logSchemaBuild: (message) => say('schema', message),
    logMigration: (message) => say('migration', message),
    log: (level, message) => say(level, message),
  };
  class Witness {}
  for (const point of ['Insert', 'Update', 'Remove', 'SoftRemove', 'Recover'])
    for (const when of ['before', 'after'])
      Object.assign(Witness.prototype, {
        [when + point]: ({ entity }: { entity: object }) => say(when + point, entity),
      });
  for (const point of ['Start', 'Commit', 'Rollback'])
    for (const when of ['before', 'after'])
      Object.assign(Witness.prototype, {
        [`${when}Transaction${point}`]: () => say(`${when}Transaction${point}`),
      });
  Object.assign(Witness.prototype, {
    afterLoad: (entity: object) => say('afterLoad', entity),
    beforeQuery: ({ query, parameters }: Record<string, unknown>) => say('beforeQuery', query, parameters),
    afterQuery: ({
      executionTime,
      queryRunner,
      manager,
      connection,
      dataSource,
      ...rest
    }: object & Record<string, unknown>) => say('afterQuery', rest),
  });
  EventSubscriber()(Witness);
  return { seen, logger, Witness };
}

/** Without what differs from database to database and from run to run: its name, the numbers of its tables, times. */
function comparable<T>(seen: T, database: string): T {
  const text = JSON.stringify(seen, (key, value: unknown) =>
    key === 'tableID' ? Math.sign(value as number) : value === undefined ? '[undefined]' : value,
  );
  return JSON.parse(text.replaceAll(database, 'DATABASE').replace(/\[date [^\]]*\]/g, '[date]'));
}

async function behaviour(typeorm: TypeOrm, subscribers: (typeof ColophonSubscriber)[]) {
  const url = await createDatabase(inject('serverUrl'));
  const { hostname, port, pathname } = new URL(url);
  const proxy = await startProxy({ host: hostname, port: Number(port) });
  const schema = librarySchema(typeorm, false);
  const { seen, logger, Witness } = witness(typeorm);
  const dataSource = new typeorm.DataSource({
    type: 'postgres',
    url: proxy.url(url),
    poolSize: 2,
    entities: schema.all,
    synchronize: true,
    subscribers: [Witness, ...subscribers],
    logger,
    logging: true,
  });
  const outcomes: Record<string, { value?: unknown; error?: unknown; turns: number }> = {};
  try {
    await dataSource.initialize();
    for (const [what, step] of Object.entries(SCRIPT)) {
      const before = proxy.turns();
      const outcome = await step(dataSource, schema).then(
        (value: unknown): object => ({ value: plainly(value) }),
        (error: unknown) => ({ error: plainly(error) }),
      );
      outcomes[what] = { ...outcome, turns: proxy.turns() - before };
    }
    const { totalCount, idleCount, waitingCount } = (
      dataSource.driver as unknown as { master: Record<string, number> }
    ).master;
    const pool = { totalCount, idleCount, waitingCount };
    const rest = { seen, pool, connections: proxy.connections(), turns: proxy.turns() };
    return comparable({ outcomes, ...rest }, pathname.slice(1));
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
    await proxy.close();
    await dropDatabase(url);
  }
}

describe.each(VERSIONS)('%s', (_, typeorm) => {
  it('results, errors, log, events, connections and round trips are those without Colophon', async () => {
    const plain = await behaviour(typeorm, []);
    expect(Object.keys(plain.outcomes)).toEqual(Object.keys(SCRIPT));
    expect(
      Object.entries(plain.outcomes)
        .filter(([, { error }]) => error !== undefined)
        .map(([what]) => what),
    ).toEqual([
      'insert of a name that is there',
      'insert that a check refuses',
      'insert of a null',
      'save of a graph that fails in its midst',
    ]);
    const context = { user: 1, long: 'x'.repeat(500) };
    expect(await runWithContext(context, () => behaviour(typeorm, [ColophonSubscriber]))).toEqual(plain);
    expect(await behaviour(typeorm, [ColophonSubscriber])).toEqual(plain);
  });
});
