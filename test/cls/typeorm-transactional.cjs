// An application on TypeORM 0.3 and typeorm-transactional, whose namespace of cls-hooked is Colophon's drop-in.
require('reflect-metadata');
const { clsCarrier, runWithContext, setCarrier } = require('@colophon/context');
const { ColophonSubscriber } = require('@colophon/typeorm');
const { DataSource, EntitySchema } = require('typeorm');
const {
  addTransactionalDataSource,
  initializeTransactionalContext,
  runInTransaction,
  runOnTransactionCommit,
  wrapInTransaction,
} = require('typeorm-transactional');

initializeTransactionalContext();
if (process.argv[2] === 'cls')
  setCarrier(clsCarrier(require('@colophon/context/cls').createNamespace('app')));

const Item = new EntitySchema({
  name: 'item',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    owner: { type: 'text' },
    title: { type: 'text' },
  },
});
const dataSource = addTransactionalDataSource(
  new DataSource({
    type: 'postgres',
    url: process.env.DATABASE_URL,
    poolSize: 2,
    entities: [Item],
    subscribers: [ColophonSubscriber],
  }),
);

async function main() {
  await dataSource.initialize();
  const items = dataSource.getRepository(Item);
  const committed = [];
  const order = wrapInTransaction(async (owner, isKept) => {
    const item = await items.save({ owner, title: 'first' });
    runOnTransactionCommit(() => committed.push(owner));
    await items.update(item.id, { title: 'changed' });
    // A transaction within is the same one.
    await runInTransaction(() =>
      dataSource.query('INSERT INTO item (owner, title) VALUES ($1, $2)', [owner, 'second']),
    );
    if (!isKept) throw new Error('undo');
  });
  const users = Array.from({ length: Number(process.env.USERS) }, (_, n) => `u${n}`);
  await Promise.all(
    users.map((user, n) =>
      runWithContext({ user }, async () => {
        const kept = n % 3 !== 0;
        const failed = await order(user, kept).then(
          () => false,
          (error) => error.message === 'undo',
        );
        if (failed === kept)
          throw new Error(`${user}: a transaction that should be kept failed, or the reverse`);
        await items.insert({ owner: user, title: 'after' });
      }),
    ),
  );
  await dataSource.destroy();
  if (committed.length !== users.filter((_, n) => n % 3 !== 0).length)
    throw new Error('a commit was not told');
  console.log(JSON.stringify({ users: users.length }));
}

main();
