import 'reflect-metadata';
import { runWithContext } from '@colophon/context';
import { NestFactory } from '@nestjs/core';
import { DataSource, IsNull } from 'typeorm';
import { AppModule } from './app.module.js';
import { Todo } from './entities.js';

/** Archives what is done: a job for cron, in nobody's request. */
async function archive(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
  const todos = app.get(DataSource).getRepository(Todo);
  await runWithContext({ job: 'archive-done-todos' }, () =>
    todos.update({ done: true, archivedAt: IsNull() }, { archivedAt: new Date() }),
  );
  await app.close();
}

void archive();
