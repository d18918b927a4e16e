import type { ContractItem, ContractSession, ContractTransaction, ContractWrites } from '@colophon/testkit';
import type { Knex } from 'knex';

/** A session of the contract over Knex, whatever pool is below it. */
export function knexSession(
  db: Knex,
  end: () => Promise<void>,
  log: (line: string) => void = () => {},
): ContractSession {
  // Savepoints are numbered through the whole process.
  db.on('query', ({ sql, bindings }: Knex.Sql) =>
    log(JSON.stringify([sql.replace(/\btrx\d+\b/, 'trx'), bindings])),
  );
  return {
    ...writesOf(db),
    transaction: (work) => db.transaction((inside) => work(transactionOf(inside))),
    async close() {
      await db.destroy();
      await end();
    },
  };
}

function writesOf(db: Knex): ContractWrites {
  return {
    insert: async (item) => db<ContractItem>('item').insert(item),
    lazyInsert: (item) => db<ContractItem>('item').insert(item),
    insertMany: async (items) => db<ContractItem>('item').insert([...items]),
    update: async (id, title) => db<ContractItem>('item').update({ title }).where({ id }),
    remove: async (id) => db<ContractItem>('item').delete().where({ id }),
    read: async (id) => db<ContractItem>('item').where({ id }).first(),
    raw: async (sql, values) => db.raw(...withBindings(sql, values)),
  };
}

/** Knex numbers parameters itself. */
function withBindings(sql: string, values: readonly unknown[]): [string, Knex.Value[]] {
  const bindings: Knex.Value[] = [];
  const text = sql.replaceAll(/\$(\d+)/g, (_, n) => {
    bindings.push(values[Number(n) - 1] as Knex.Value);
    return '?';
  });
  return [text, bindings];
}

function transactionOf(db: Knex.Transaction): ContractTransaction {
  return { ...writesOf(db), savepoint: (work) => db.transaction((inside) => work(writesOf(inside))) };
}
