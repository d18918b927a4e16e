import {
  Body,
  Controller,
  Delete,
  Get,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  UseGuards,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSource, Repository } from 'typeorm';
import { Account, Project, Todo } from './entities.js';
import { SignedIn, SignedInGuard } from './signed-in.guard.js';

/** The projects of whoever asks. */
@Controller('projects')
@UseGuards(SignedInGuard)
export class ProjectsController {
  constructor(
    @InjectRepository(Project) private readonly projects: Repository<Project>,
    @InjectRepository(Todo) private readonly todos: Repository<Todo>,
    private readonly dataSource: DataSource,
  ) {}

  @Get()
  list(@SignedIn() owner: Account) {
    return this.projects.find({ where: { owner: { id: owner.id } }, relations: { todos: true } });
  }

  /** A project and its to-dos in one call: a cascade. */
  @Post()
  create(@SignedIn() owner: Account, @Body() { name, todos }: { name: string; todos: string[] }) {
    return this.projects.save({ name, owner, todos: todos.map((title) => ({ title })) });
  }

  @Post(':id/todos')
  async addTodo(
    @SignedIn() owner: Account,
    @Param('id', ParseIntPipe) id: number,
    @Body() { title }: { title: string },
  ) {
    const project = await this.own(owner, id);
    return this.todos.save({ title, project });
  }

  /** Raw SQL. */
  @Post(':id/finish')
  async finish(@SignedIn() owner: Account, @Param('id', ParseIntPipe) id: number) {
    await this.own(owner, id);
    await this.dataSource.query('UPDATE todo SET done = true WHERE project_id = $1 AND NOT done', [id]);
  }

  /** PostgreSQL itself deletes the to-dos (ON DELETE CASCADE): they are named too. */
  @Delete(':id')
  async remove(@SignedIn() owner: Account, @Param('id', ParseIntPipe) id: number) {
    await this.own(owner, id);
    await this.projects.delete(id);
  }

  private async own(owner: Account, id: number): Promise<Project> {
    const project = await this.projects.findOneBy({ id, owner: { id: owner.id } });
    if (project === null) throw new NotFoundException('no such project of yours');
    return project;
  }
}
