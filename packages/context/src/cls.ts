import assert from 'node:assert';
import { executionAsyncId } from 'node:async_hooks';
import { inspect } from 'node:util';
import { type ClsContext, ERROR_SYMBOL, Namespace } from './cls/namespace.js';

// Not declared globally: another package's declaration of it would clash.
const registry = process as unknown as { namespaces: Record<string, Namespace | null> };

// Kept where it is there: another copy's namespaces, or cls-hooked's own, stay reachable.
registry.namespaces ??= {};

/** Creates the namespace `name`, in place of one that had the name, and registers it in `process.namespaces`. */
// biome-ignore lint/suspicious/noExplicitAny: cls-hooked's types say any.
export function createNamespace<N = Record<string, any>>(name: string): Namespace<N> {
  assert.ok(name, 'namespace must be given a name.');
  const namespace = new Namespace<N>(name);
  namespace.id = executionAsyncId() || -1;
  registry.namespaces[name] = namespace as Namespace;
  return namespace;
}

/** The namespace `name`; `undefined` where there never was one, `null` where it was destroyed. */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export function getNamespace<N = Record<string, any>>(name: string): Namespace<N> | undefined {
  return registry.namespaces[name] as Namespace<N> | undefined;
}

/** Takes the namespace `name` out of the registry. Who still has it can use it on. */
export function destroyNamespace(name: string): void {
  const namespace = getNamespace(name);
  assert.ok(namespace, `can't delete nonexistent namespace! "${name}"`);
  assert.ok(namespace.id, `don't assign to process.namespaces directly! ${inspect(namespace)}`);
  registry.namespaces[name] = null;
}

/** Destroys all namespaces. */
export function reset(): void {
  for (const [name, namespace] of Object.entries(registry.namespaces ?? {})) {
    if (namespace) destroyNamespace(name);
  }
  registry.namespaces = Object.create(null);
}

export type { ClsContext, Namespace };
export { ERROR_SYMBOL };

/** All of it, for `import cls from`. */
const cls: {
  createNamespace: typeof createNamespace;
  getNamespace: typeof getNamespace;
  destroyNamespace: typeof destroyNamespace;
  reset: typeof reset;
  ERROR_SYMBOL: typeof ERROR_SYMBOL;
} = { createNamespace, getNamespace, destroyNamespace, reset, ERROR_SYMBOL };
export default cls;
