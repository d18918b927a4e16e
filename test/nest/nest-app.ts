import type { IncomingMessage } from 'node:http';
import type {
  ArgumentsHost,
  CallHandler,
  DynamicModule,
  ExecutionContext,
  INestApplication,
  MiddlewareConsumer,
  Type,
} from '@nestjs/common';
import { concatMap, from, map, mergeMap } from 'rxjs';
import type { Author, Notes } from '../http/notes.js';
import type { Nest } from './load-nest.js';

export type Platform = 'express' | 'fastify';

// biome-ignore lint/suspicious/noExplicitAny: Express's or Fastify's.
type Request = any;

/** Nest's application class with every place in which Nest runs an application's code, each of which writes. */
export function appModule(nest: Nest, platform: Platform, notes: Notes, registered: DynamicModule): Type {
  const { common, core } = nest;
  const {
    Body,
    Catch,
    Controller,
    Delete,
    Get,
    Inject,
    Injectable,
    Module,
    Param,
    Post,
    Put,
    Req,
    Scope,
    Sse,
    UseGuards,
    UseInterceptors,
    UsePipes,
    Version,
  } = common;
  const { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, REQUEST } = core;

  const header = (request: Request, name: string): string => String(request.headers[name]);
  /** What the client says of itself, and of the route that it means. */
  const author = (request: Request): Author => ({
    test: header(request, 'x-test'),
    request: header(request, 'x-request-id'),
    who: header(request, 'x-user'),
    endpoint: header(request, 'x-endpoint'),
  });
  const write = (request: Request, way: string) => notes.write(author(request), way);

  @Injectable()
  class AuthGuard {
    async canActivate(execution: ExecutionContext): Promise<boolean> {
      const request: Request = execution.switchToHttp().getRequest();
      request.user = { id: header(request, 'x-user'), password: 'secret' };
      await write(request, 'guard');
      return header(request, 'x-allowed') !== 'no';
    }
  }
  @Injectable()
  class MethodGuard {
    async canActivate(execution: ExecutionContext): Promise<boolean> {
      await write(execution.switchToHttp().getRequest(), 'method guard');
      return true;
    }
  }
  @Injectable()
  class WritingInterceptor {
    async intercept(execution: ExecutionContext, next: CallHandler) {
      const request = execution.switchToHttp().getRequest();
      await write(request, 'interceptor before');
      return next
        .handle()
        .pipe(mergeMap((value) => from(write(request, 'interceptor after')).pipe(map(() => value))));
    }
  }
  @Catch()
  class WritingFilter {
    async catch(error: Error & { getStatus?(): number }, host: ArgumentsHost) {
      const http = host.switchToHttp();
      await write(http.getRequest(), 'filter');
      const status = error.getStatus?.() ?? 500;
      const response = http.getResponse();
      if (platform === 'express') response.status(status).json({ message: error.message });
      else response.code(status).send({ message: error.message });
    }
  }
  /** One a request. */
  @Injectable({ scope: Scope.REQUEST })
  class Unit {
    private readonly made: Promise<void>;
    constructor(@Inject(REQUEST) private readonly request: Request) {
      this.made = write(request, 'request-scoped, made');
    }
    async work(): Promise<void> {
      await this.made;
      await write(this.request, 'request-scoped');
    }
  }
  /** A pipe knows no request but by being made for one. */
  @Injectable({ scope: Scope.REQUEST })
  class WritingPipe {
    constructor(@Inject(REQUEST) private readonly request: Request) {}
    async transform(value: unknown): Promise<unknown> {
      await write(this.request, 'pipe');
      return value;
    }
  }
  const LATER = Symbol('provider that is there later');

  @Controller({ path: 'todos', version: '1' })
  @UseInterceptors(WritingInterceptor)
  class TodosController {
    constructor(
      @Inject(Unit) private readonly unit: Unit,
      @Inject(LATER) private readonly later: (request: Request) => Promise<void>,
    ) {}

    @Put(':id')
    @UseGuards(MethodGuard)
    @UsePipes(WritingPipe)
    async update(@Param('id') id: string, @Body() body: { title: string }, @Req() request: Request) {
      await write(request, 'controller');
      await this.unit.work();
      await this.later(request);
      return { id, title: body.title };
    }

    @Delete(':id')
    async remove(@Req() request: Request) {
      await write(request, 'controller');
      throw new common.ConflictException('in use');
    }
  }

  @Controller('plain')
  class PlainController {
    @Get()
    @Version(common.VERSION_NEUTRAL)
    async get(@Req() request: Request) {
      await write(request, 'controller');
      return {};
    }

    @Sse('events/:name')
    @Version(common.VERSION_NEUTRAL)
    events(@Req() request: Request) {
      return from([1, 2, 3]).pipe(
        concatMap(async (data) => {
          await write(request, 'event');
          return { data: { data } };
        }),
      );
    }

    @Post('raw')
    @Version(common.VERSION_NEUTRAL)
    async raw(@Req() request: Request) {
      const stream: IncomingMessage = request.raw ?? request;
      const writes: Promise<void>[] = [];
      await new Promise((resolve) => {
        stream.on('data', () => writes.push(write(request, 'data')));
        stream.on('end', () => resolve(writes.push(write(request, 'end'))));
      });
      await Promise.all(writes);
      return {};
    }
  }

  class WritingMiddleware {
    use(request: Request, _response: unknown, next: (error?: unknown) => void) {
      const { method } = request;
      const own = { ...author(request), test: `${header(request, 'x-test')} middleware`, who: undefined };
      // Express routes after its middlewares, Fastify before.
      const endpoint = platform === 'express' ? method : own.endpoint;
      notes.write({ ...own, endpoint }, 'middleware').then(() => next(), next);
    }
  }
  Injectable()(WritingMiddleware);

  @Module({
    imports: [registered],
    controllers: [TodosController, PlainController],
    providers: [
      Unit,
      { provide: LATER, useFactory: async () => (request: Request) => write(request, 'async provider') },
      { provide: APP_GUARD, useClass: AuthGuard },
      { provide: APP_INTERCEPTOR, useClass: WritingInterceptor },
      { provide: APP_FILTER, useClass: WritingFilter },
    ],
  })
  class AppModule {
    configure(consumer: MiddlewareConsumer) {
      consumer.apply(WritingMiddleware).forRoutes('plain');
    }
  }
  return AppModule;
}

/** With a prefix and versions in the URL. */
export async function startNest(nest: Nest, platform: Platform, module: Type): Promise<INestApplication> {
  const app: INestApplication = await nest.core.NestFactory.create(module, adapterOf(nest, platform), {
    logger: false,
    abortOnError: false,
  });
  app.setGlobalPrefix('api');
  app.enableVersioning({ type: nest.common.VersioningType.URI });
  await app.listen(0, '127.0.0.1');
  return app;
}

// biome-ignore lint/suspicious/noExplicitAny: an adapter of that version.
export function adapterOf(nest: Nest, platform: Platform): any {
  if (platform === 'express') return new (nest.require('@nestjs/platform-express').ExpressAdapter)();
  const adapter = new (nest.require('@nestjs/platform-fastify').FastifyAdapter)();
  // What Fastify has no parser for is left to the handler.
  adapter
    .getInstance()
    .addContentTypeParser(
      'application/octet-stream',
      (_request: unknown, _payload: unknown, done: (error: null) => void) => done(null),
    );
  return adapter;
}
