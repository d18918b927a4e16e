import { serveDataSource } from './serve-data-source.js';
import type { DataSourceLike, MetadataBuilderLike } from './typeorm.js';

const BUILDER = /[\\/]connection[\\/]ConnectionMetadataBuilder\.js$/;
const watched = new WeakSet<MetadataBuilderLike>();

/**
 * Serves every data source that `isServed`, as soon as its subscribers are built: TypeORM builds its entities next, by the same builder. Reaches each copy
 * of TypeORM that is loaded. An event would come too late for a stream or a raw client that is the data source's first use.
 */
export function watchBuilding(isServed: (dataSource: DataSourceLike) => boolean): void {
  for (const prototype of builders()) {
    if (watched.has(prototype)) continue;
    watched.add(prototype);
    const build = prototype.buildEntityMetadatas;
    prototype.buildEntityMetadatas = function buildEntityMetadatas(
      this: MetadataBuilderLike,
      ...args: unknown[]
    ): Promise<unknown> {
      const dataSource = (this.dataSource ?? this.connection)!;
      if (isServed(dataSource)) serveDataSource(dataSource);
      return build.apply(this, args);
    };
  }
}

/** By file, so that no other module is touched; `import` and `require` both keep it here. */
function* builders(): Generator<MetadataBuilderLike> {
  for (const [file, loaded] of Object.entries(require.cache)) {
    if (!BUILDER.test(file)) continue;
    const prototype: unknown = loaded?.exports?.ConnectionMetadataBuilder?.prototype;
    if (isBuilder(prototype)) yield prototype;
  }
}

function isBuilder(prototype: unknown): prototype is MetadataBuilderLike {
  return typeof (prototype as MetadataBuilderLike | undefined)?.buildEntityMetadatas === 'function';
}
