import type { RunInContext } from '../workload/session.js';
import type { ContractAdapter } from './contract-adapter.js';

/** The contract's table, which must be tracked, and a function that writes to it. */
export const CONTRACT_SCHEMA = `
CREATE TABLE item (id int PRIMARY KEY, owner text, title text);
CREATE FUNCTION write_item(of_id int, of_owner text, of_title text) RETURNS int LANGUAGE sql VOLATILE AS
  $$ INSERT INTO item (id, owner, title) VALUES (of_id, of_owner, of_title) RETURNING id $$;`;

/** Where one case runs: a real PostgreSQL with an empty `item`, and the real consumer behind it. */
export interface ContractEnvironment {
  /** The database, with `CONTRACT_SCHEMA` in it and `item` tracked. */
  readonly url: string;
  /** `runWithContext` of `@colophon/context`. */
  readonly runInContext: RunInContext;
  /** A statement over a connection that knows nothing of Colophon; gives its rows. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** Everything of `item` that was committed since the case began, as `colophon.changes` has it, in its order. Runs the consumer up to now. */
  changes(): Promise<ContractChange[]>;
}

/** A row of `colophon.changes`. */
export interface ContractChange {
  readonly operation: string;
  readonly before: Readonly<Record<string, unknown>>;
  readonly after: Readonly<Record<string, unknown>>;
  readonly context: Readonly<Record<string, unknown>>;
}

/** One thing that every adapter must do. */
export interface ContractCase {
  /** As the matrix names it. */
  readonly name: string;
  /** What the matrix shows for an adapter that does it. */
  readonly shows: string;
  /** Rejects where the adapter doesn't do it. */
  run(adapter: ContractAdapter, environment: ContractEnvironment): Promise<void>;
}
