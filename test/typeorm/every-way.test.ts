import { once } from 'node:events';
import { runWithContext } from '@colophon/context';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { ColophonSubscriber } from '@colophon/typeorm';
import type { DataSource, QueryRunner } from 'typeorm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openSlot } from '../pg/decoded.js';
import { type Author, type Book, librarySchema } from './library-schema.js';
import { VERSIONS } from './versions.js';

describe.each(VERSIONS)('%s', (_, typeorm) => {
  const { author, book, tag, note, all } = librarySchema(typeorm);
  let url: string;
  let dataSource: DataSource;
  let slot: Awaited<ReturnType<typeof openSlot>>;

  beforeAll(async () => {
    url = await createDatabase(inject('serverUrl'));
    dataSource = new typeorm.DataSource({
      type: 'postgres',
      url,
      poolSize: 2,
      entities: all,
      synchronize: true,
      subscribers: [ColophonSubscriber],
    });
    await dataSource.initialize();
    slot = await openSlot(url, 'every_way');
    await slot.client.query(
      "CREATE FUNCTION shelve(t text) RETURNS int LANGUAGE sql AS 'INSERT INTO book (title, version) VALUES (t, 1) RETURNING id'",
    );
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await slot?.close();
    await dropDatabase(url);
  });

  const an = (name: string) => ({ name });
  const authors = () => dataSource.getRepository<Author>(author);
  const books = () => dataSource.getRepository<Book>(book);
  /** A row to change, made without a name. */
  const made = async (name: string): Promise<Author & { id: number }> => {
    const saved = await authors().save({ name, books: [{ title: `by ${name}` }] });
    await slot.rows();
    return saved as Author & { id: number };
  };
  const within = async (work: (runner: QueryRunner) => Promise<unknown>) => {
    const runner = dataSource.createQueryRunner();
    try {
      await work(runner);
    } finally {
      await runner.release();
    }
  };

  /** Each makes at least one row change; all of them must have the name. */
  const WAYS: Record<string, (given: Author & { id: number }) => Promise<unknown>> = {
    'save: insert': () => authors().save(an('save')),
    'save: update': (given) => authors().save({ ...given, born: 1900 }),
    'save: many, in chunks': () => authors().save(['m1', 'm2', 'm3', 'm4', 'm5'].map(an), { chunk: 2 }),
    'save: cascade to many and many to many': () =>
      authors().save({
        name: 'cascading',
        books: [{ title: 'a', tags: [{ label: 'x' }, { label: 'y' }] }, { title: 'b' }],
      }),
    'save: orphans of a relation': async (given) => authors().save({ ...given, books: [] }),
    'insert: one': () => authors().insert(an('insert')),
    'insert: many': () => authors().insert(['i1', 'i2', 'i3'].map(an)),
    update: (given) => authors().update({ id: given.id }, { born: 1 }),
    upsert: () => authors().upsert([{ name: 'upserted' }, { name: 'upserted too' }], ['name']),
    'upsert: of a row that is there': (given) => authors().upsert({ name: given.name, born: 7 }, ['name']),
    delete: (given) => authors().delete(given.id),
    remove: async (given) => authors().remove((await authors().findOneBy({ id: given.id }))!),
    softDelete: (given) => authors().softDelete(given.id),
    softRemove: async (given) => authors().softRemove((await authors().findOneBy({ id: given.id }))!),
    restore: async (given) => {
      await authors().softDelete(given.id);
      await authors().restore(given.id);
    },
    recover: async (given) => {
      await authors().softDelete(given.id);
      await authors().recover((await authors().findOne({ where: { id: given.id }, withDeleted: true }))!);
    },
    increment: (given) => books().increment({ title: `by ${given.name}` }, 'copies', 3),
    decrement: (given) => books().decrement({ title: `by ${given.name}` }, 'copies', 1),
    'clear: TRUNCATE': async () => {
      await dataSource.getRepository(note).insert({ text: 'gone' });
      await dataSource.getRepository(note).clear();
    },
    'query builder: insert': () =>
      dataSource.createQueryBuilder().insert().into(author).values(an('qb')).orIgnore().execute(),
    'query builder: update': (given) =>
      dataSource
        .createQueryBuilder()
        .update(author)
        .set({ born: () => 'COALESCE(born, 0) + 1' })
        .where('id = :id', { id: given.id })
        .returning('*')
        .execute(),
    'query builder: delete': (given) =>
      dataSource.createQueryBuilder().delete().from(author).where('id = :id', { id: given.id }).execute(),
    'query builder: softDelete': (given) =>
      authors().createQueryBuilder().softDelete().where('id = :id', { id: given.id }).execute(),
    'query builder: relation': async (given) => {
      await dataSource.getRepository(tag).upsert({ label: 'related' }, ['label']);
      const of = (await books().findOneBy({ title: `by ${given.name}` }))!;
      const relation = dataSource.createQueryBuilder().relation(book, 'tags').of(of);
      await relation.add({ label: 'related' });
      await relation.remove({ label: 'related' });
    },
    'query builder: a common table expression that writes': (given) =>
      dataSource
        .createQueryBuilder()
        .addCommonTableExpression(`UPDATE author SET born = 3 WHERE id = ${given.id} RETURNING id`, 'changed')
        .select('changed.id')
        .from('changed', 'changed')
        .getRawMany(),
    'query: raw with values': (given) =>
      dataSource.query('UPDATE author SET born = $1 WHERE id = $2', [5, given.id]),
    'query: raw text': () => dataSource.query("INSERT INTO author (name) VALUES ('raw')"),
    'query: several statements': () =>
      dataSource.query("SELECT 1; INSERT INTO author (name) VALUES ('s1'); DELETE FROM note"),
    'query: a function that writes': () => dataSource.query('SELECT shelve($1)', ['f']),
    'manager.transaction': (given) =>
      dataSource.transaction('SERIALIZABLE', async (manager) => {
        await manager.insert(author, an('in transaction'));
        await manager.update(author, given.id, { born: 9 });
      }),
    'manager.transaction: in one another': () =>
      dataSource.transaction(async (outer) => {
        await outer.insert(author, an('outer'));
        await outer.transaction((inner) => inner.insert(author, an('inner')));
        await outer
          .transaction(async (inner) => {
            await inner.insert(author, an('undone'));
            throw new Error('undone');
          })
          .catch(() => undefined);
        await outer.insert(author, an('after'));
      }),
    'query runner': () =>
      within(async (runner) => {
        await runner.startTransaction('REPEATABLE READ');
        await runner.manager.save(author, an('runner'));
        await runner.query('UPDATE author SET born = 4 WHERE name = $1', ['runner']);
        await runner.commitTransaction();
        await runner.manager.insert(author, an('runner, after'));
      }),
    'query runner: its raw client': () =>
      within(async (runner) => {
        const client = await runner.connect();
        await client.query("INSERT INTO author (name) VALUES ('client')");
      }),
    'query runner: stream that writes': () =>
      within(async (runner) => {
        const stream = await runner.stream(
          "INSERT INTO author (name) SELECT 'st' || n FROM generate_series(1, 300) n RETURNING id",
        );
        stream.resume();
        await once(stream, 'end');
      }),
    'query builder: a write for each row of a stream': async (given) => {
      const stream = await authors().createQueryBuilder('a').where({ id: given.id }).stream();
      for await (const row of stream) await authors().update(row.a_id, { born: 11 });
    },
    'a lazy relation': async (given) => {
      const found = (await books().findOneBy({ title: `by ${given.name}` }))!;
      await authors().update((await found.author)!.id!, { born: 12 });
    },
  };

  it.each(Object.entries(WAYS))('%s', async (way, write) => {
    const given = await made(`${way}'s author`);
    await runWithContext({ way }, () => write(given));
    const rows = await slot.rows();
    expect(rows.map(({ context }) => context)).toEqual(rows.map(() => JSON.stringify({ way })));
    expect(rows.length).toBeGreaterThan(0);
  });

  it('emits nothing for what only reads', async () => {
    await made('read');
    await slot.entries();
    await runWithContext({ user: 1 }, async () => {
      await authors().find({ relations: { books: true } });
      await authors().findAndCount({ where: { name: 'read' }, withDeleted: true });
      await authors().createQueryBuilder('a').leftJoinAndSelect('a.books', 'b').take(2).getManyAndCount();
      await books().count();
      await dataSource.transaction((manager) => manager.findOneBy(author, { name: 'read' }));
      await dataSource.query('SELECT count(*) FROM author');
    });
    expect(await slot.entries()).toEqual([]);
  });
});
