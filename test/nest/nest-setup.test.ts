import { execFileSync } from 'node:child_process';
import http from 'node:http';
import { currentContext } from '@colophon/context';
import type { ColophonModuleAsyncOptions, ColophonModuleOptions } from '@colophon/nest';
import type { DynamicModule, INestApplication, Type } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { call, close, listen } from '../http/client.js';
import { loadNest, type Nest } from './load-nest.js';
import { adapterOf, type Platform } from './nest-app.js';

const agent = new http.Agent();
const apps: INestApplication[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

describe.each(['12', '11', '10'])('ColophonModule in Nest %s', (version) => {
  let nest: Nest;
  beforeAll(() => {
    nest = loadNest(version);
  });
  afterAll(() => nest.remove());

  /** An application that answers each request with its context. */
  function appModule(...imports: (DynamicModule | Type)[]): Type {
    const { Controller, Get, Module } = nest.common;
    @Controller()
    class AnsweringController {
      @Get('context/:id')
      get() {
        return currentContext() ?? 'none';
      }
    }
    @Module({ imports, controllers: [AnsweringController] })
    class AppModule {}
    return AppModule;
  }

  async function start(module: Type, platform: Platform = 'express'): Promise<INestApplication> {
    const app: INestApplication = await nest.core.NestFactory.create(module, adapterOf(nest, platform), {
      logger: false,
      abortOnError: false,
    });
    apps.push(app);
    return app;
  }

  async function contextOf(app: INestApplication, headers: Record<string, string> = {}): Promise<unknown> {
    if (!app.getHttpServer().listening) await app.listen(0, '127.0.0.1');
    return JSON.parse((await call(app.getHttpServer(), agent, { path: '/context/7', headers })).body);
  }

  const codeOf = async (fn: () => unknown): Promise<string> => {
    try {
      await fn();
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      return `${code}: ${message}`;
    }
    return 'nothing thrown';
  };

  it.each<Platform>(['express', 'fastify'])(
    'on %s: a context function of your own, that may fail',
    async (platform) => {
      const heard: unknown[] = [];
      const options: ColophonModuleOptions = {
        context: async (request) => {
          if (request.headers['x-fail']) throw new TypeError('no such tenant');
          return { tenant: request.headers['x-tenant'], url: request.url };
        },
        onError: (error, request) => heard.push([error.code, request.method]),
      };
      const app = await start(appModule(nest.colophon.ColophonModule.forRoot(options)), platform);
      expect(await contextOf(app, { 'x-tenant': 'acme' })).toEqual({ tenant: 'acme', url: '/context/7' });
      expect(await contextOf(app, { 'x-fail': '1' })).toEqual({
        'colophon.error': 'the context function failed',
      });
      expect(heard).toEqual([['CONTEXT_FAILED', 'GET']]);
    },
  );

  it.each<[string, (module: Type, Options: Type) => ColophonModuleAsyncOptions]>([
    [
      'useFactory',
      (module, Options) => ({
        imports: [module],
        inject: [Options],
        useFactory: async (options: { createColophonOptions(): ColophonModuleOptions }) =>
          options.createColophonOptions(),
      }),
    ],
    ['useClass', (_, Options) => ({ useClass: Options })],
    ['useExisting', (module, Options) => ({ imports: [module], useExisting: Options })],
  ])('forRootAsync with %s', async (_, async) => {
    const { Injectable, Module } = nest.common;
    @Injectable()
    class Options {
      async createColophonOptions(): Promise<ColophonModuleOptions> {
        return { context: () => ({ from: 'provider' }) };
      }
    }
    @Module({ providers: [Options], exports: [Options] })
    class OptionsModule {}
    const app = await start(
      appModule(nest.colophon.ColophonModule.forRootAsync(async(OptionsModule, Options))),
    );
    expect(await contextOf(app)).toEqual({ from: 'provider' });
  });

  it('has what main.ts gives to app.use in the run too', async () => {
    const app = await start(
      appModule(nest.colophon.ColophonModule.forRoot({ context: () => ({ user: 1 }) })),
    );
    const seen: unknown[] = [];
    app.use((_request: unknown, _response: unknown, next: () => void) => {
      seen.push(currentContext());
      next();
    });
    await contextOf(app);
    expect(seen).toEqual([{ user: 1 }]);
  });

  it.each<Platform>(['express', 'fastify'])(
    "in Nest's testing module on %s, and in an application without a server",
    async (platform) => {
      const module = appModule(nest.colophon.ColophonModule.forRoot({ context: () => ({ user: 1 }) }));
      const testing = await nest
        .require('@nestjs/testing')
        .Test.createTestingModule({ imports: [module] })
        .compile();
      const app: INestApplication = testing.createNestApplication(adapterOf(nest, platform), {
        logger: false,
      });
      apps.push(app);
      expect(await contextOf(app)).toEqual({ user: 1 });
      const bare = await nest.core.NestFactory.createApplicationContext(module, {
        logger: false,
        abortOnError: false,
      });
      await bare.close();
    },
  );

  it('has the pattern with the path at which the application is mounted in another', async () => {
    const app = await start(appModule(nest.colophon.ColophonModule.forRoot()));
    await app.init();
    const inner = app.getHttpAdapter().getInstance();
    const around = adapterOf(nest, 'express').getInstance();
    around.use('/inner', inner);
    const server = await listen(around);
    try {
      const { body } = await call(server, agent, { path: '/inner/context/7', headers: {} });
      expect(JSON.parse(body)).toMatchObject({
        endpoint: 'GET /inner/context/:id',
        handler: 'AnsweringController.get',
      });
    } finally {
      await close(server);
    }
  });

  it('says at start what is wrong with it', async () => {
    const { ColophonModule } = nest.colophon;
    const context = () => ({});
    expect(await codeOf(() => start(appModule(ColophonModule)))).toBe(
      'INVALID_OPTION: ColophonModule was imported as it is, wanted ColophonModule.forRoot()',
    );
    expect(
      await codeOf(() =>
        start(
          appModule(
            ColophonModule.forRoot({ context }),
            ColophonModule.forRoot({ context, onError: () => undefined }),
          ),
        ),
      ),
    ).toBe(
      'REGISTERED_TWICE: ColophonModule is registered 2 times, wanted once: call forRoot in the root module only',
    );
    const options: [unknown, string][] = [
      [null, 'null as options, wanted { context: (request) => ({ … }) }'],
      [context, 'a function as options, wanted { context: (request) => ({ … }) }'],
      [{ context: { user: 1 } }, 'context: a object, wanted a function'],
      [{ contexts: context }, 'the option contexts, wanted context or onError'],
    ];
    for (const [given, message] of options) {
      const coded = `INVALID_OPTION: ColophonModule was given ${message}`;
      expect(await codeOf(() => ColophonModule.forRoot(given as never))).toBe(coded);
      const async = ColophonModule.forRootAsync({ useFactory: () => given as never });
      expect(await codeOf(() => start(appModule(async)))).toBe(coded);
    }
    expect(await codeOf(() => ColophonModule.forRootAsync({}))).toBe(
      'INVALID_OPTION: ColophonModule.forRootAsync was given 0 of useFactory, useClass and useExisting, wanted one',
    );
  });
});

it.each(['12', '11', '10'])('loads as an ES module too, before Nest %s or after', (version) => {
  const nest = loadNest(version);
  try {
    const folder = nest.require.resolve('@colophon/nest/package.json').split('/node_modules/')[0] as string;
    for (const order of [
      ['@nestjs/core', '@colophon/nest'],
      ['@colophon/nest', '@nestjs/core'],
    ]) {
      const code = `import 'reflect-metadata';
        import * as a from '${order[0]}';
        import * as b from '${order[1]}';
        const { NestFactory, ColophonModule } = { ...a, ...b };
        class AppModule {}
        const app = await NestFactory.create({ module: AppModule, imports: [ColophonModule.forRoot()] }, { logger: false });
        await app.init();
        await app.close();
        console.log('ran');`;
      const args = ['--input-type=module', '-e', code];
      expect(execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })).toBe('ran\n');
    }
  } finally {
    nest.remove();
  }
});
