import { currentContext, runWithContext } from '@colophon/context';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { ColophonSubscriber } from '@colophon/typeorm';
import type { DataSource, DataSourceOptions, EntitySubscriberInterface, InsertEvent } from 'typeorm';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { openSlot } from '../pg/decoded.js';
import { type Author, type Book, librarySchema } from './library-schema.js';
import { VERSIONS } from './versions.js';

const as = <T>(user: unknown, work: () => T): T => runWithContext({ user }, work);

/** Every row's text begins with the name that it must have. */
const NAME = /'\[([^\]]*)\]/;

describe.each(VERSIONS)('%s', (_, typeorm) => {
  const { author, book, note, all } = librarySchema(typeorm);
  let url: string;
  let slot: Awaited<ReturnType<typeof openSlot>>;
  const opened: DataSource[] = [];

  const prepare = (options: object = {}) => {
    const given = {
      type: 'postgres',
      url,
      poolSize: 2,
      entities: all,
      subscribers: [ColophonSubscriber],
      ...options,
    };
    const dataSource = new typeorm.DataSource(given as DataSourceOptions);
    opened.push(dataSource);
    return dataSource;
  };
  const open = (options?: object) => prepare(options).initialize();

  const expectRightNames = async (least: number) => {
    const rows = await slot.rows();
    const named = rows.filter(({ text }) => NAME.test(text));
    const wrong = named.filter(({ text, context }) => {
      const name = NAME.exec(text)![1];
      return context !== (name === 'nobody' ? '{}' : `{"user":"${name}"}`);
    });
    expect(wrong).toEqual([]);
    expect(named.length).toBeGreaterThanOrEqual(least);
  };

  beforeEach(async () => {
    url = await createDatabase(inject('serverUrl'));
    const plain = new typeorm.DataSource({ type: 'postgres', url, entities: all, synchronize: true });
    await plain.initialize();
    for (const { tableName } of plain.entityMetadatas) {
      await plain.query(`ALTER TABLE "${tableName}" REPLICA IDENTITY FULL`);
    }
    await plain.destroy();
    slot = await openSlot(url, `names_${new URL(url).pathname.slice(1)}`);
  });
  afterEach(async () => {
    for (const dataSource of opened.splice(0)) if (dataSource.isInitialized) await dataSource.destroy();
    await slot.close();
    await dropDatabase(url);
  });

  it('100 users at once, every third one nobody, on a pool of 2', async () => {
    const dataSource = await open();
    const one = async (name: string, n: number) => {
      const text = (what: string) => `[${name}] ${n} ${what}`;
      const saved = await dataSource.getRepository<Author>(author).save({
        name: text('a'),
        books: [{ title: text('b'), tags: [{ label: text('t') }] }],
      });
      await dataSource.transaction(async (manager) => {
        await manager.update(author, saved.id!, { name: text('c') });
        await manager.insert(note, { text: text('n') });
        await manager
          .transaction(async (inner) => {
            await inner.insert(note, { text: text('gone') });
            throw new Error('undo');
          })
          .catch(() => undefined);
        await manager.insert(note, { text: text('m') });
      });
      await dataSource
        .getRepository<Author>(author)
        .insert({ name: text('c') })
        .catch(() => undefined);
      await dataSource.query('INSERT INTO note (text) VALUES ($1)', [text('q')]);
      await dataSource
        .createQueryBuilder()
        .delete()
        .from(note)
        .where({ text: text('m') })
        .execute();
    };
    await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        n % 3 === 0 ? one('nobody', n) : as(`u${n}`, () => one(`u${n}`, n)),
      ),
    );
    await expectRightNames(100 * 8);
  });

  it('one transaction, written by several at once', async () => {
    const dataSource = await open();
    await as('outer', () =>
      dataSource.transaction(async (manager) => {
        await Promise.all([
          manager.insert(note, { text: '[outer] 1' }),
          ...['a', 'b', 'c'].map((user) =>
            as(user, () => manager.insert(note, [{ text: `[${user}] 1` }, { text: `[${user}] 2` }])),
          ),
          manager.insert(note, { text: '[outer] 2' }),
        ]);
        await as('a', () => manager.insert(note, { text: '[a] 3' }));
        await manager.insert(note, { text: '[outer] 3' });
      }),
    );
    await expectRightNames(10);
  });

  it('one query runner, handed from one to the next, and to nobody', async () => {
    const dataSource = await open();
    const runner = as('first', () => dataSource.createQueryRunner());
    await as('first', () => runner.connect());
    for (const user of ['second', 'third']) {
      await as(user, async () => {
        await runner.startTransaction();
        await runner.manager.insert(note, { text: `[${user}] 1` });
        await runner.rollbackTransaction();
        await runner.manager.insert(note, { text: `[${user}] 2` });
        await runner.startTransaction();
        await runner.manager.insert(note, { text: `[${user}] 3` });
      });
      await runner.manager.insert(note, { text: '[nobody]' });
      await runner.commitTransaction();
    }
    await runner.release();
    await expectRightNames(6);
  });

  it("the application's own subscribers, listeners and what follows a commit", async () => {
    const writeNote = (event: InsertEvent<Author>, when: string) =>
      event.manager.insert(note, { text: event.entity.name.replace(']', `] ${when}`) });
    class Notes implements EntitySubscriberInterface<Author> {
      listenTo = () => 'author';
      beforeInsert = (event: InsertEvent<Author>) => writeNote(event, 'before');
      afterInsert = (event: InsertEvent<Author>) => writeNote(event, 'after');
      afterTransactionCommit = ({ manager }: { manager: DataSource['manager'] }) => {
        const { user } = (currentContext() ?? { user: 'nobody' }) as { user: string };
        return manager.connection.query('INSERT INTO note (text) VALUES ($1)', [`[${user}] committed`]);
      };
    }
    typeorm.EventSubscriber()(Notes);
    const dataSource = await open({ subscribers: [Notes, ColophonSubscriber], poolSize: 4 });
    await Promise.all(
      ['a', 'b', 'nobody'].map((user) => {
        const save = () => dataSource.getRepository<Author>(author).save({ name: `[${user}]` });
        return user === 'nobody' ? save() : as(user, save);
      }),
    );
    await expectRightNames(12);
  });

  it('lazy relations, queries made here and run there, and results read later', async () => {
    const dataSource = await open();
    await as('maker', () =>
      dataSource.getRepository<Author>(author).save({ name: '[maker]', books: [{ title: '[maker]' }] }),
    );
    const found = (await as('reader', () => dataSource.getRepository<Book>(book).findOneBy({ id: 1 })))!;
    const builder = as('maker', () =>
      dataSource.createQueryBuilder().insert().into(note).values({ text: '[runner]' }),
    );
    await as('runner', async () => {
      await found.author;
      await builder.execute();
    });
    await expectRightNames(3);
  });

  it("a data source that a request opens: what happens to its connections later is in nobody's name", async () => {
    const heard: unknown[] = [];
    let hear: () => void;
    const heardOne = new Promise<void>((resolve) => (hear = resolve));
    const dataSource = prepare({
      poolErrorHandler: () => {
        heard.push(currentContext());
        hear();
      },
    });
    await as('opener', () => dataSource.initialize());
    await dataSource.getRepository(note).insert({ text: '[nobody]' });
    await as('other', () => dataSource.getRepository(note).insert({ text: '[other]' }));
    const { rows } = await slot.client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
    );
    expect(rows).toHaveLength(1);
    await heardOne;
    expect(heard).toEqual([undefined]);
    await as('after', () => dataSource.getRepository(note).insert({ text: '[after]' }));
    await expectRightNames(3);
  });
});
