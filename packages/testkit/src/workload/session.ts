import type pg from 'pg';

/** A context as the workload states it: plain JSON values. Null: no context at all. */
export type StatedContext = Readonly<Record<string, unknown>> | null;

/** Runs a function in a context: `runWithContext` of `@colophon/context`, or plainly `(_, fn) => fn()`. */
export type RunInContext = <T>(context: Readonly<Record<string, unknown>>, fn: () => T) => T;

/** Anything that `client.query` takes that is no plain text: a config object. */
export type Statement = string | pg.QueryConfig;

/**
 * One pooled connection under test. Before each statement that may write it tells the oracle, over another
 * connection, which context will be in force.
 */
export class Session {
  readonly client: pg.PoolClient;
  readonly #channel: pg.Client;
  readonly #pid: number;
  readonly #run: RunInContext;
  #inForce = '{}';
  #savepoints: { name: string; inForce: string }[] = [];

  constructor(client: pg.PoolClient, pid: number, channel: pg.Client, run: RunInContext) {
    this.client = client;
    this.#pid = pid;
    this.#channel = channel;
    this.#run = run;
  }

  /** A statement that may write, in this context. */
  write(context: StatedContext, statement: Statement, values?: unknown[]): Promise<pg.QueryResult> {
    return this.within(context, () => query(this.client, statement, values));
  }

  /** A statement that writes nothing: the oracle is not told, so what it might write would be found. */
  read(context: StatedContext, statement: Statement, values?: unknown[]): Promise<pg.QueryResult> {
    return this.#in(context, () => query(this.client, statement, values));
  }

  /** Work that writes in ways of its own (COPY, a cursor), in this context. */
  async within<T>(context: StatedContext, work: () => Promise<T>): Promise<T> {
    await this.#say(JSON.stringify(context ?? {}));
    return this.#in(context, work);
  }

  async begin(text = 'BEGIN'): Promise<void> {
    this.#savepoints = [];
    await this.client.query(text);
  }

  async savepoint(name: string): Promise<void> {
    this.#savepoints.push({ name, inForce: this.#inForce });
    await this.client.query(`SAVEPOINT ${name}`);
  }

  /** What was emitted since the savepoint is undone with it: the context before it is in force again. */
  async rollbackTo(name: string): Promise<void> {
    await this.client.query(`ROLLBACK TO SAVEPOINT ${name}`);
    while (this.#savepoints.length > 0 && this.#savepoints.at(-1)?.name !== name) this.#savepoints.pop();
    const savepoint = this.#savepoints.at(-1);
    if (savepoint !== undefined) await this.#say(savepoint.inForce);
  }

  async #say(context: string): Promise<void> {
    this.#inForce = context;
    await this.#channel.query({
      name: 'say',
      text: `INSERT INTO oracle.in_force VALUES ($1, $2)
             ON CONFLICT (pid) DO UPDATE SET context = excluded.context`,
      values: [this.#pid, context],
    });
  }

  #in<T>(context: StatedContext, work: () => T): T {
    return context === null ? work() : this.#run(context, work);
  }
}

/** Statement and values in whichever of node-postgres's two forms was given. */
export function query(
  client: pg.ClientBase | pg.Pool,
  statement: Statement,
  values?: unknown[],
): Promise<pg.QueryResult> {
  if (typeof statement === 'string') return client.query(statement, values);
  return client.query(values === undefined ? statement : { ...statement, values });
}
