import type { ContractAdapter, ContractItem, ContractSession, ContractTransaction } from '@colophon/testkit';
import { ColophonSubscriber } from '@colophon/typeorm';
import type { EntityManager, Logger } from 'typeorm';
import type { TypeOrm } from './versions.js';

/** TypeORM as the contract suite sees it: the same for every version. */
export function typeormAdapter(name: string, typeorm: TypeOrm): ContractAdapter {
  const item = new typeorm.EntitySchema<ContractItem>({
    name: 'item',
    columns: {
      id: { type: 'int', primary: true },
      owner: { type: 'text' },
      title: { type: 'text', nullable: true },
    },
  });

  const writesOf = (manager: EntityManager): ContractTransaction => ({
    insert: (row) => manager.insert(item, row),
    insertMany: (rows) => manager.insert(item, [...rows]),
    update: (id, title) => manager.update(item, { id }, { title }),
    remove: (id) => manager.delete(item, { id }),
    read: async (id) => (await manager.findOneBy(item, { id })) ?? undefined,
    raw: (sql, values) => manager.query(sql, [...values]),
    savepoint: (work) => manager.transaction((inside) => work(writesOf(inside))),
  });

  async function open(
    url: string,
    poolSize: number,
    log: ((line: string) => void) | undefined,
    subscribers: (typeof ColophonSubscriber)[],
  ): Promise<ContractSession> {
    const dataSource = new typeorm.DataSource({
      type: 'postgres',
      url,
      poolSize,
      entities: [item],
      subscribers,
      ...(log === undefined ? {} : { logger: loggerOf(log) }),
    });
    await dataSource.initialize();
    return {
      ...writesOf(dataSource.manager),
      transaction: (work) => dataSource.transaction((manager) => work(writesOf(manager))),
      close: () => dataSource.destroy(),
    };
  }

  return {
    name,
    open: (url, poolSize, log) => open(url, poolSize, log, [ColophonSubscriber]),
    openPlain: (url, poolSize, log) => open(url, poolSize, log, []),
  };
}

/** Everything that TypeORM logs but the time. */
function loggerOf(log: (line: string) => void): Logger {
  const line = (kind: string, ...parts: unknown[]) => log(`${kind} ${JSON.stringify(parts)}`);
  return {
    logQuery: (query, values) => line('query', query, values),
    logQueryError: (error, query, values) => line('error', String(error), query, values),
    logQuerySlow: (_time, query, values) => line('slow', query, values),
    logSchemaBuild: (message) => line('schema', message),
    logMigration: (message) => line('migration', message),
    log: (level, message) => line(level, message),
  };
}
