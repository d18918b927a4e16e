import Module from 'node:module';
import { findPg } from './find-pg.js';
import { instrumentCopy, isPgModule } from './instrument-copy.js';

/**
 * Side effect of `@colophon/pg/register`: every Pool and Client of the application's `pg` is instrumented at its first use, with the default options.
 * Which `pg`: those loaded already, those that the application's main file, its working directory or this package would load, and any that is
 * loaded later, by `import` or `require`.
 */
for (const pg of findPg()) instrumentCopy(pg);
watchLoading();

/** Both module systems load pg, which is CommonJS, through here. */
function watchLoading(): void {
  const loader = Module as unknown as { _load(...args: unknown[]): unknown };
  const load = loader._load;
  const seen = new WeakSet<object>();
  loader._load = function loadAndWatch(this: unknown, ...args: unknown[]): unknown {
    const exports = load.apply(this, args);
    if (typeof exports === 'object' && exports !== null && !seen.has(exports) && isPgModule(exports)) {
      seen.add(exports);
      instrumentCopy(exports);
    }
    return exports;
  };
}
