import { ContextError } from '@colophon/context';
import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  Module,
  type ModuleMetadata,
  type NestModule,
  Optional,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { HandlerGuard } from './handler.js';
import { type ColophonModuleOptions, type Settings, settingsOf } from './options.js';
import type { PlatformRequest } from './platform-request.js';
import { type HttpAdapter, runRequests } from './run-requests.js';

const SETTINGS = Symbol('colophon settings');
const FACTORY = Symbol('colophon options factory');

/** What a class for `useClass` or `useExisting` has. */
export interface ColophonOptionsFactory {
  createColophonOptions(): ColophonModuleOptions | Promise<ColophonModuleOptions>;
}

/** What `ColophonModule.forRootAsync` takes: one of the three ways of Nest to get options from providers. */
export interface ColophonModuleAsyncOptions<Request = PlatformRequest>
  extends Pick<ModuleMetadata, 'imports'> {
  readonly useFactory?: FactoryProvider<ColophonModuleOptions<Request>>['useFactory'];
  /** What `useFactory` is given. */
  readonly inject?: FactoryProvider['inject'];
  /** Made for this. */
  readonly useClass?: Type<ColophonOptionsFactory>;
  /** One that `imports` have. */
  readonly useExisting?: Type<ColophonOptionsFactory>;
}

/**
 * Gives every HTTP request a context, before guards, interceptors, pipes, handlers and filters: what they write is stored with it. Import it once, in the root module.
 * Applications without HTTP (`createApplicationContext`, microservices) may have it too; there it does nothing.
 */
@Module({})
export class ColophonModule implements NestModule {
  private serves: HttpAdapter | undefined;

  constructor(
    @Optional() @Inject(SETTINGS) private readonly settings: Settings | undefined,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    if (settings === undefined) {
      throw new ContextError(
        'INVALID_OPTION',
        'ColophonModule was imported as it is, wanted ColophonModule.forRoot()',
      );
    }
    const registered = [...modules.values()].filter(({ metatype }) => metatype?.name === ColophonModule.name);
    if (registered.length > 1) {
      throw new ContextError(
        'REGISTERED_TWICE',
        `ColophonModule is registered ${registered.length} times, wanted once: call forRoot in the root module only`,
        { times: registered.length },
      );
    }
    // Now, since what main.ts gives to app.use comes later.
    this.serve();
  }

  /** With `context` and `onError`, or neither. Throws `INVALID_OPTION`. */
  static forRoot<Request = PlatformRequest>(options: ColophonModuleOptions<Request> = {}): DynamicModule {
    return moduleOf([{ provide: SETTINGS, useValue: settingsOf(options) }], []);
  }

  /** With options from a factory, a class or a provider. Wrong ones end the start with `INVALID_OPTION`. */
  static forRootAsync<Request = PlatformRequest>(
    options: ColophonModuleAsyncOptions<Request>,
  ): DynamicModule {
    const { imports = [], inject = [], useFactory, useClass, useExisting } = options;
    const ways = [useFactory, useClass, useExisting].filter((way) => way !== undefined);
    if (ways.length !== 1) {
      throw new ContextError(
        'INVALID_OPTION',
        `ColophonModule.forRootAsync was given ${ways.length} of useFactory, useClass and useExisting, wanted one`,
      );
    }
    if (useFactory !== undefined) {
      const settings = async (...injected: unknown[]) => settingsOf(await useFactory(...injected));
      return moduleOf([{ provide: SETTINGS, useFactory: settings, inject }], imports);
    }
    const factory: Provider =
      useClass === undefined
        ? { provide: FACTORY, useExisting: useExisting as Type<ColophonOptionsFactory> }
        : { provide: FACTORY, useClass };
    const settings = async (made: ColophonOptionsFactory) => settingsOf(await made.createColophonOptions());
    return moduleOf([factory, { provide: SETTINGS, useFactory: settings, inject: [FACTORY] }], imports);
  }

  /** Nest calls it before it registers routes; in its testing module that is where the server is first known. */
  configure(): void {
    this.serve();
  }

  private serve(): void {
    // null where there is no server, or none yet.
    const adapter = this.host.httpAdapter as unknown as HttpAdapter | null | undefined;
    if (adapter === undefined || adapter === null || adapter === this.serves || this.settings === undefined)
      return;
    this.serves = adapter;
    runRequests(adapter, this.settings);
  }
}

function moduleOf(providers: Provider[], imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
  const guard: Provider = { provide: APP_GUARD, useValue: new HandlerGuard() };
  return { module: ColophonModule, imports, providers: [...providers, guard] };
}
