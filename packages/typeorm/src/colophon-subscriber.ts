import { enlistSubscriber } from './enlist-subscriber.js';
import { serveDataSource } from './serve-data-source.js';
import type { DataSourceLike, EventLike } from './typeorm.js';
import { watchBuilding } from './watch-building.js';

/**
 * Makes a data source context-aware: `subscribers: [ColophonSubscriber]` is all. From the moment that TypeORM has built its subscribers, before it
 * synchronizes or migrates, every write on the master's pool or a replica's carries the context in force when it was asked for, in the same round trip.
 * Results, errors, logs, round trips and connections stay as they were.
 *
 * `initialize()` rejects with `UNSUPPORTED_CLIENT` where the data source isn't of type `postgres`, or its connections aren't those of pg itself.
 */
export class ColophonSubscriber {
  constructor() {
    // TypeORM gives no argument, and calls a container of the application's once for all data sources: so it is watched, not asked.
    watchBuilding(isServed);
  }

  /** For a subscriber added to `dataSource.subscribers` later, and for a TypeORM that is part of a bundle. Every query comes by. */
  beforeQuery(event: EventLike): void {
    serveDataSource((event.dataSource ?? event.connection)!);
  }
}

function isServed(dataSource: DataSourceLike): boolean {
  return dataSource.subscribers.some((subscriber) => subscriber instanceof ColophonSubscriber);
}

enlistSubscriber(ColophonSubscriber);
