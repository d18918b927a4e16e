// The members of Express's routers that are read, in Express 4, 5.0 to 5.2, and from 5.3 on. Nothing of it is written to.

/** One entry of a router: a route, or what `use` was given. */
export interface Layer {
  readonly route?: Route | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: any function; a router has a stack.
  readonly handle: ((...args: any[]) => unknown) & { readonly stack?: readonly Layer[] };
  readonly name?: string;
  /** Express 4: the path's expression, whose groups are `keys`. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean };
  readonly keys?: readonly { readonly name: string | number }[];
  /** Express 5: mounted at `/`, which matches all. */
  readonly slash?: boolean;
  readonly matchers?: readonly ((path: string) => PathMatch | false)[];
  /** From Express 5.3 on: the path as it was given, nested arrays flattened. */
  readonly rawPath?: unknown;
}

/** What `app.put('/todos/:id')` made; it is `request.route` from then on. */
export interface Route {
  readonly path?: unknown;
  readonly methods?: Readonly<Record<string, boolean>>;
}

interface PathMatch {
  readonly path: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** An application, for as much as its routing goes. */
export interface Application {
  readonly _router?: { readonly stack: readonly Layer[] } | undefined;
  readonly router?: { readonly stack: readonly Layer[] };
  /** Where it is mounted in which other. */
  readonly parent?: Application;
  readonly mountpath?: unknown;
}

/** The application's entries. In Express 4 `app.router` is a getter that throws, so `_router` is asked first. */
export function stackOf(app: Application): readonly Layer[] {
  if ('lazyrouter' in app) return app._router?.stack ?? [];
  return app.router?.stack ?? [];
}
