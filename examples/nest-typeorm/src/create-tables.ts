import { dataSource } from './data-source.js';

async function createTables(): Promise<void> {
  await dataSource.initialize();
  await dataSource.runMigrations();
  await dataSource.destroy();
}

void createTables();
