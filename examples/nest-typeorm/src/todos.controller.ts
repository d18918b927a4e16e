import { mergeContext } from '@colophon/context';
import {
  Body,
  ConflictException,
  Controller,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  Put,
  UseGuards,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSource, Repository } from 'typeorm';
import { Account, Todo } from './entities.js';
import { SignedIn, SignedInGuard } from './signed-in.guard.js';

/** The to-dos of whoever asks. */
@Controller('todos')
@UseGuards(SignedInGuard)
export class TodosController {
  constructor(
    @InjectRepository(Todo) private readonly todos: Repository<Todo>,
    private readonly dataSource: DataSource,
  ) {}

  @Put(':id')
  async rename(
    @SignedIn() owner: Account,
    @Param('id', ParseIntPipe) id: number,
    @Body() { title }: { title: string },
  ) {
    const todo = await this.own(owner, id);
    todo.title = title;
    return this.todos.save(todo);
  }

  /** Points for what is done: both or neither. */
  @Post(':id/done')
  async done(
    @SignedIn() owner: Account,
    @Param('id', ParseIntPipe) id: number,
    @Body() { reason }: { reason: string },
  ) {
    await this.own(owner, id);
    // Why, as far as the audit trail is concerned.
    mergeContext({ reason });
    await this.dataSource.transaction(async (manager) => {
      await manager.increment(Account, { id: owner.id }, 'points', 10);
      const { affected } = await manager.update(Todo, { id, done: false }, { done: true });
      if (affected === 0) throw new ConflictException('it was done already');
    });
  }

  private async own(owner: Account, id: number): Promise<Todo> {
    const todo = await this.todos.findOneBy({ id, project: { owner: { id: owner.id } } });
    if (todo === null) throw new NotFoundException('no such to-do of yours');
    return todo;
  }
}
