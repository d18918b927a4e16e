import type { MetadataArgsStorageLike } from './typeorm.js';

/** The global that all copies of TypeORM share, so that decorators of one reach another. */
const STORAGE = 'typeormMetadataArgsStorage';

/**
 * Does what the decorator `EventSubscriber()` does, without importing a copy of TypeORM: a class that isn't in its list is left out of `subscribers` in silence.
 * This package may be loaded first, and tests replace the list: so it is entered in each list that is put there.
 */
export function enlistSubscriber(target: unknown): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, STORAGE);
  let storage = Reflect.get(globalThis, STORAGE) as MetadataArgsStorageLike | undefined;
  const enlist = () => {
    if (storage?.entitySubscribers?.some((entry) => entry.target === target) === false) {
      storage.entitySubscribers.push({ target });
    }
  };
  enlist();
  Object.defineProperty(globalThis, STORAGE, {
    configurable: true,
    enumerable: true,
    get: () => storage,
    set(value) {
      // Another copy of this package watches too.
      before?.set?.call(globalThis, value);
      storage = value;
      enlist();
    },
  });
}
