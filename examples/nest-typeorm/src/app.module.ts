import { ColophonModule, requestContext } from '@colophon/nest';
import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccountsController } from './accounts.controller.js';
import { dataSourceOptions } from './data-source.js';
import { Account, Project, Todo } from './entities.js';
import { ProjectsController } from './projects.controller.js';
import { TodosController } from './todos.controller.js';

/** The application. Of Colophon it knows the line with `ColophonModule`, and each `mergeContext` where it has more to say. */
@Module({
  imports: [
    ColophonModule.forRoot({ context: requestContext({ ip: false }) }),
    TypeOrmModule.forRoot(dataSourceOptions),
    TypeOrmModule.forFeature([Account, Project, Todo]),
  ],
  controllers: [AccountsController, ProjectsController, TodosController],
})
export class AppModule {}
