// An application on Sequelize 6 with useCLS, whose namespace of cls-hooked is Colophon's drop-in.
require('@colophon/pg/register');
const { clsCarrier, runWithContext, setCarrier } = require('@colophon/context');
const { createNamespace } = require('cls-hooked');
const { DataTypes, Sequelize } = require('sequelize');

const namespace = createNamespace('sequelize');
Sequelize.useCLS(namespace);
if (process.argv[2] === 'cls') setCarrier(clsCarrier(namespace));

const sequelize = new Sequelize(process.env.DATABASE_URL, { logging: false, pool: { max: 2 } });
const Item = sequelize.define(
  'item',
  { owner: DataTypes.TEXT, title: DataTypes.TEXT },
  { freezeTableName: true, timestamps: false },
);

async function main() {
  const order = (owner, isKept) =>
    // No transaction is handed on: Sequelize finds it in the namespace.
    sequelize.transaction(async () => {
      const item = await Item.create({ owner, title: 'first' });
      await item.update({ title: 'changed' });
      await sequelize.query('INSERT INTO item (owner, title) VALUES ($1, $2)', { bind: [owner, 'second'] });
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
        await Item.create({ owner: user, title: 'after' });
      }),
    ),
  );
  await sequelize.close();
  console.log(JSON.stringify({ users: users.length }));
}

main();
