import { type Application, type Layer, type Route, stackOf } from './express-router.js';
import { mountPattern } from './mount-pattern.js';

/** A place in the routers' tree, on the way to the route. */
interface Place {
  /** What is left of the request's path here. */
  readonly path: string;
  /** The patterns of the mounts on the way, and what they took of the path. */
  readonly prefix: string;
  readonly taken: string;
  /** The applications to come: a parent knows a mounted one only as a function. */
  readonly inner: readonly Application[];
}

/** Finds the way from an application to one of its routes: Express keeps the pattern of a route, but not of the mounts it went through. */
export class RouteSearch {
  /** The mount of a function that can't be looked into, where the route may well be behind it. */
  guess: string | undefined;

  constructor(
    private readonly target: Route,
    private readonly baseUrl: string,
  ) {}

  /** The whole pattern; `undefined` where the route isn't found. `app` may itself be mounted. */
  from(app: Application, path: string): string | undefined {
    const apps = [app];
    while (apps[0]?.parent !== undefined) apps.unshift(apps[0].parent);
    return this.within(stackOf(apps[0] as Application), {
      path,
      prefix: '',
      taken: '',
      inner: apps.slice(1),
    });
  }

  private within(stack: readonly Layer[], at: Place): string | undefined {
    for (const layer of stack) {
      if (layer.route === this.target) return join(at.prefix, this.ownPattern(layer, at.path));
      if (layer.route !== undefined) continue;
      const pattern = this.through(layer, at);
      if (pattern !== undefined) return pattern;
    }
    return undefined;
  }

  private through(layer: Layer, at: Place): string | undefined {
    const [app, ...inner] = layer.name === 'mounted_app' ? at.inner : [];
    const below = app === undefined ? stackBelow(layer) : stackOf(app);
    // Most are plain middlewares at the root.
    if (below === undefined && this.guess !== undefined) return undefined;
    const mount = mountPattern(layer, at.path);
    if (mount === undefined || (app !== undefined && !isMountedAt(app, mount.pattern))) return undefined;
    const prefix = join(at.prefix, mount.pattern);
    const taken = at.taken + mount.taken;
    if (below === undefined) {
      if (mount.taken !== '' && taken === this.baseUrl) this.guess = prefix;
      return undefined;
    }
    const path = at.path.slice(mount.taken.length) || '/';
    return this.within(below, { path, prefix, taken, inner: app === undefined ? at.inner : inner });
  }

  /** As it was given; of several paths the one that fits. */
  private ownPattern(layer: Layer, path: string): string {
    const given = this.target.path;
    return (Array.isArray(given) ? mountPattern(layer, path)?.pattern : undefined) ?? String(given);
  }
}

/** A router's entries, or those of an application that a router was given. */
function stackBelow({ handle }: Layer): readonly Layer[] | undefined {
  if (Array.isArray(handle.stack)) return handle.stack;
  const app = handle as unknown as Application;
  return 'lazyrouter' in app || app.router?.stack !== undefined ? stackOf(app) : undefined;
}

/** Other things than applications are mounted as one, `colophon()` among them. A path that isn't plain can't be compared. */
function isMountedAt(app: Application, pattern: string): boolean {
  const paths = [app.mountpath ?? '/']
    .flat(Number.POSITIVE_INFINITY)
    .map((path) => String(path).replace(/\/$/, ''));
  return paths.some(
    (path) => path.toLowerCase() === pattern.toLowerCase() || (!/^[\w/:.-]*$/.test(path) && pattern !== ''),
  );
}

/** A path below a prefix. */
export function join(prefix: string, path: string): string {
  return prefix !== '' && (path === '/' || path === '') ? prefix : prefix + path;
}
