/** A row of the contract's table `item (id int PRIMARY KEY, owner text, title text)`. */
export interface ContractItem {
  readonly id: number;
  readonly owner: string;
  readonly title: string;
}

/** What every ORM can do, in the ORM's own way. Each call is one call of the ORM's, made when it is called. */
export interface ContractWrites {
  /** Inserts one row. */
  insert(item: ContractItem): Promise<unknown>;
  /** The same insert as the ORM gives it, not awaited: for ORMs that send a query when it is awaited. Default: `insert`. */
  lazyInsert?(item: ContractItem): PromiseLike<unknown>;
  /** Inserts many rows by the ORM's bulk way. */
  insertMany(items: readonly ContractItem[]): Promise<unknown>;
  /** Sets the title of one row. */
  update(id: number, title: string): Promise<unknown>;
  /** Deletes one row. */
  remove(id: number): Promise<unknown>;
  /** Reads one row. */
  read(id: number): Promise<ContractItem | undefined>;
  /** The ORM's raw SQL, values as parameters `$1`, `$2` …. */
  raw(sql: string, values: readonly unknown[]): Promise<unknown>;
}

/** Within a transaction of the ORM's. */
export interface ContractTransaction extends ContractWrites {
  /** Runs `work` in a savepoint, rolled back where it rejects; the rejection is passed on. Absent where the ORM has none: the suite then sends SAVEPOINT as raw SQL. */
  savepoint?(work: (inside: ContractWrites) => Promise<unknown>): Promise<unknown>;
}

/** An ORM opened over a database. */
export interface ContractSession extends ContractWrites {
  /** Runs `work` in one transaction; rolled back where it rejects, and the rejection is passed on. */
  transaction(work: (inside: ContractTransaction) => Promise<unknown>): Promise<unknown>;
  /** Ends its connections. */
  close(): Promise<void>;
}

/** An adapter as the contract suite sees it. To add an ORM is to write one of these. */
export interface ContractAdapter {
  /** As the matrix names it: `Prisma 7`. */
  readonly name: string;
  /**
   * Opens the ORM with Colophon, as its documentation says, over a pool of at most `poolSize` connections.
   * Where the ORM has a query log, each of its lines (statement and values, no times) may be given to `log`: then the suite compares them too.
   */
  open(url: string, poolSize: number, log?: (line: string) => void): Promise<ContractSession>;
  /** The same without Colophon: to compare results, errors, round trips and the query log with. */
  openPlain(url: string, poolSize: number, log?: (line: string) => void): Promise<ContractSession>;
}
