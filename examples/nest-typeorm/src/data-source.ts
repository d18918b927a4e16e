import { ColophonSubscriber } from '@colophon/typeorm';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Account, Credential, Project, Todo } from './entities.js';
import { Tables1767225600000 } from './tables.migration.js';

/** TypeORM's settings, for the application, its job and its migrations. Of Colophon they have the line `subscribers`. */
export const dataSourceOptions: DataSourceOptions = {
  type: 'postgres',
  url: process.env.DATABASE_URL,
  poolSize: Number(process.env.POOL_SIZE ?? 10),
  entities: [Account, Credential, Project, Todo],
  migrations: [Tables1767225600000],
  subscribers: [ColophonSubscriber],
};

/** For TypeORM's own command too: `npx typeorm migration:run -d dist/data-source.js`. */
export const dataSource = new DataSource(dataSourceOptions);
