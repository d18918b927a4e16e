import { ColophonSubscriber } from '@colophon/typeorm';

/** How either version of TypeORM is opened. */
export const openWith = (typeorm) => async (url, withColophon) => {
  const todo = new typeorm.EntitySchema({
    name: 'todo',
    columns: { id: { type: 'int', primary: true }, title: { type: 'text' } },
  });
  const dataSource = await new typeorm.DataSource({
    type: 'postgres',
    url,
    poolSize: 1,
    entities: [todo],
    subscribers: withColophon ? [ColophonSubscriber] : [],
  }).initialize();
  return {
    write: (id, title) => dataSource.manager.update(todo, { id }, { title }),
    read: (id) => dataSource.manager.findOneBy(todo, { id }),
    close: () => dataSource.destroy(),
  };
};
