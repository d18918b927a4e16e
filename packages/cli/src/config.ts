import type { ColumnOptions } from '@colophon/core';
import type { RedactSetting, SignatureSetting } from './protection.js';

/** What `colophon.config.ts` may say. Flags and `COLOPHON_*` variables go before it. */
export interface ColophonConfig {
  /** Connection URL of the database to audit. */
  source?: string;
  /** Connection URL of the store's database. Default: the source. */
  store?: string;
  /** Tables that `init` tracks, names as they are or patterns: `['todo', 'sales.*', '!sales.tmp_*']`; or `'all'`. */
  tables?: readonly string[] | 'all';
  /** Whether `init` has tables tracked that are made later: `auto`, or `manual`: `tables track` does. Default: as it is; `manual` at first. */
  newTables?: 'auto' | 'manual';
  /** Replication slot. Default `colophon`. Each source that shares a server needs one of its own. */
  slot?: string;
  /** Publication. Default `colophon`. */
  publication?: string;
  /** Label of the source in audit records: production, staging, … Default: none. */
  environment?: string;
  /** The source's name in audit records. Default: the database's name. */
  name?: string;
  /** Prefixes of the emissions that count. Default `['colophon']`. */
  prefixes?: readonly string[];
  /** What `init` makes of the tables' replica identity: `full` (default) keeps the whole row before a change; `default` leaves it. */
  replicaIdentity?: 'full' | 'default';
  /** Whether a slot that `init` makes is to survive a failover, where the server can (PostgreSQL 17 and later). Default true. */
  failover?: boolean;
  /** Whether `init` makes the event triggers that record DDL. Default true. */
  ddl?: boolean;
  /** How long `retention` keeps records, in days: `400d`. */
  keep?: string;
  /** How much `retention` keeps: `50GB`. */
  maxSize?: string;
  /** How long to wait for a server, in seconds. Default 30. */
  timeoutSeconds?: number;
  /** Rules for columns by pattern, what makes no record and what is never kept: see docs/column-rules.md. Default: none. */
  columns?: ColumnOptions;
  /** What of the source's values `run` and `snapshot` never keep, by name, and of contexts: see docs/redaction.md. */
  redact?: RedactSetting;
  /** The signatures that contexts must have: see docs/signature.md. Default: none is asked for. */
  signature?: SignatureSetting;
  /** Where `run` serves `/healthz`, `/readyz` and `/metrics`: `127.0.0.1:9187`. Default: nowhere. */
  listen?: string;
  /** What `run` says: lines for people (`text`, default), or a JSON object each (`json`). */
  log?: 'text' | 'json';
  /** … and how much of it. Default `info`. */
  logLevel?: 'debug' | 'info' | 'warn' | 'error';
  /** Retained WAL that `run` warns at: `500MB`, `0` for never. Default `1GB`. */
  warnRetained?: string;
}

/** Gives the configuration its type: `export default defineConfig({ … })` in `colophon.config.ts`. */
export function defineConfig(config: ColophonConfig): ColophonConfig {
  return config;
}
