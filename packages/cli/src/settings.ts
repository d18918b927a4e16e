import type { ColumnOptions } from '@colophon/core';
import { ColophonError } from '@colophon/protocol';
import { type IdentityMode, type NewTablesPolicy, parseTableWish, type TableWish } from '@colophon/setup';
import { parseByteSize } from './byte-size.js';
import type { ColophonConfig } from './config.js';
import { parseDuration } from './duration.js';
import { LOG_LEVELS, type LogLevel } from './log/log-facts.js';
import type { RedactSetting, SignatureSetting } from './protection.js';
import { parseKeep, parseMaxSize } from './retention-limits.js';
import { urlVariable } from './url-variable.js';
import { type ListenAddress, parseListenAddress } from './watch/listen-address.js';

/** The flags that more than one command has, as the parser gives them. */
export interface CommonFlags {
  source?: string;
  store?: string;
  tables?: string;
  allTables?: boolean;
  newTables?: string;
  slot?: string;
  publication?: string;
  environment?: string;
  name?: string;
  prefix?: string;
  replicaIdentity?: string;
  failover?: boolean;
  /** False for `--no-ddl`. */
  ddl?: boolean;
  timeout?: string;
  keep?: string;
  maxSize?: string;
  config?: string;
  listen?: string;
  log?: string;
  logLevel?: string;
  verbose?: boolean;
  warnRetained?: string;
}

/** Every setting, from wherever it came. */
export interface Settings {
  readonly source: string | null;
  /** The store's own URL; null where it is in the source database. */
  readonly store: string | null;
  /** Null where nobody said. */
  readonly tables: TableWish | null;
  /** What becomes of tables that are made later; null where nobody said. */
  readonly newTables: NewTablesPolicy | null;
  readonly identity: IdentityMode;
  /** Whether a new slot is to survive a failover, where the server can (17). */
  readonly failover: boolean;
  /** Whether `init` has DDL recorded. */
  readonly ddl: boolean;
  readonly slot: string;
  readonly publication: string;
  readonly environment: string;
  readonly name: string | null;
  readonly prefixes: readonly string[];
  readonly timeoutMs: number;
  /** Null where there are no rules by pattern. */
  readonly columns: ColumnOptions | null;
  /** Null where nothing is redacted. Its secrets are fetched where they are needed. */
  readonly redact: RedactSetting | null;
  /** Null where no signature is asked for. */
  readonly signature: SignatureSetting | null;
  /** Where `run` can be watched; null where it isn't to be. */
  readonly listen: ListenAddress | null;
  /** The form of what `run` says. */
  readonly log: 'text' | 'json';
  readonly logLevel: LogLevel;
  /** Retained WAL that `run` warns at, in bytes; 0 for never. */
  readonly warnRetainedBytes: number;
  /** Days of records that retention keeps; null where nobody said. */
  readonly keepDays: number | null;
  /** Bytes of records that retention keeps; null where nobody said. */
  readonly maxBytes: bigint | null;
}

const YES = /^(1|true|yes|on)$/i;
const DEFAULT_WARN_RETAINED = '1GB';

/** Puts the settings together: flags, then `COLOPHON_*` variables, then the file; `DATABASE_URL` last. Throws `INVALID_OPTION`. */
export function resolveSettings(
  flags: CommonFlags,
  env: NodeJS.ProcessEnv,
  config: ColophonConfig,
): Settings {
  // An empty variable is how one is switched off where it can't be removed.
  const variable = (name: string): string | undefined => env[name] || undefined;
  const text = (flag: string | undefined, name: string, fromFile: string | undefined): string | undefined =>
    flag ?? variable(name) ?? fromFile;
  const url = (flag: string | undefined, name: string, fromFile: string | undefined): string | undefined =>
    flag ?? urlVariable(name, env) ?? fromFile;
  const timeout = text(flags.timeout, 'COLOPHON_TIMEOUT', config.timeoutSeconds?.toString());
  const prefixes = text(flags.prefix, 'COLOPHON_PREFIX', undefined);
  const listen = text(flags.listen, 'COLOPHON_LISTEN', config.listen);
  const warnRetained = text(flags.warnRetained, 'COLOPHON_WARN_RETAINED', config.warnRetained);
  return {
    source: url(flags.source, 'COLOPHON_SOURCE_URL', config.source) ?? variable('DATABASE_URL') ?? null,
    store: url(flags.store, 'COLOPHON_STORE_URL', config.store) ?? null,
    tables: tableWish(flags, env, config),
    newTables:
      oneOf(
        ['auto', 'manual'] as const,
        '--new-tables',
        text(flags.newTables, 'COLOPHON_NEW_TABLES', config.newTables),
      ) ?? null,
    identity: identityMode(
      text(flags.replicaIdentity, 'COLOPHON_REPLICA_IDENTITY', config.replicaIdentity) ?? 'full',
    ),
    failover: isWanted(flags.failover, variable('COLOPHON_FAILOVER'), config.failover),
    ddl: isWanted(flags.ddl, variable('COLOPHON_DDL'), config.ddl),
    slot: text(flags.slot, 'COLOPHON_SLOT', config.slot) ?? 'colophon',
    publication: text(flags.publication, 'COLOPHON_PUBLICATION', config.publication) ?? 'colophon',
    environment: text(flags.environment, 'COLOPHON_ENVIRONMENT', config.environment) ?? '',
    name: text(flags.name, 'COLOPHON_NAME', config.name) ?? null,
    prefixes: prefixes?.split(',').map((prefix) => prefix.trim()) ?? config.prefixes ?? ['colophon'],
    keepDays: parseKeep(text(flags.keep, 'COLOPHON_KEEP', config.keep)),
    maxBytes: parseMaxSize(text(flags.maxSize, 'COLOPHON_MAX_SIZE', config.maxSize)),
    timeoutMs: timeout === undefined ? 30_000 : parseDuration(timeout, '--timeout'),
    columns: config.columns ?? null,
    redact: config.redact ?? null,
    signature: config.signature ?? null,
    listen: listen === undefined ? null : parseListenAddress(listen),
    log: oneOf(['text', 'json'], '--log', text(flags.log, 'COLOPHON_LOG', config.log)) ?? 'text',
    logLevel:
      oneOf(LOG_LEVELS, '--log-level', text(flags.logLevel, 'COLOPHON_LOG_LEVEL', config.logLevel)) ??
      (flags.verbose === true ? 'debug' : 'info'),
    warnRetainedBytes: parseByteSize(warnRetained ?? DEFAULT_WARN_RETAINED, '--warn-retained'),
  };
}

function tableWish(flags: CommonFlags, env: NodeJS.ProcessEnv, config: ColophonConfig): TableWish | null {
  if (flags.tables !== undefined && flags.allTables === true) {
    throw new ColophonError('INVALID_OPTION', 'Both --tables and --all-tables are given: give one of them.');
  }
  if (flags.allTables === true) return 'all';
  if (flags.tables !== undefined) return parseTableWish(flags.tables);
  if (env.COLOPHON_TABLES) return parseTableWish(env.COLOPHON_TABLES);
  if (env.COLOPHON_ALL_TABLES) return YES.test(env.COLOPHON_ALL_TABLES) ? 'all' : null;
  if (config.tables === undefined || config.tables === 'all') return config.tables ?? null;
  return config.tables.flatMap((name) => parseTableWish(name));
}

/** The flag can only say no: it is true where it isn't given. */
function isWanted(
  flag: boolean | undefined,
  variable: string | undefined,
  fromFile: boolean | undefined,
): boolean {
  if (flag === false) return false;
  if (variable !== undefined) return YES.test(variable);
  return fromFile ?? true;
}

function oneOf<Choice extends string>(
  choices: readonly Choice[],
  option: string,
  given: string | undefined,
): Choice | undefined {
  if (given === undefined || (choices as readonly string[]).includes(given))
    return given as Choice | undefined;
  throw new ColophonError(
    'INVALID_OPTION',
    `${option} is ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}, got ${JSON.stringify(given)}.`,
  );
}

function identityMode(text: string): IdentityMode {
  if (text === 'full' || text === 'default') return text;
  throw new ColophonError(
    'INVALID_OPTION',
    `--replica-identity is full or default, got ${JSON.stringify(text)}.`,
  );
}

/** The source's URL. Throws `INVALID_OPTION` where there is none. */
export function sourceUrl(settings: Settings): string {
  if (settings.source !== null) return settings.source;
  throw new ColophonError(
    'INVALID_OPTION',
    'No source database is given: use --source postgres://…, or set COLOPHON_SOURCE_URL or DATABASE_URL, or source in colophon.config.ts.',
  );
}

/** The store's URL: its own, or the source's. Throws `INVALID_OPTION` where there is neither. */
export function storeUrl(settings: Settings): string {
  return settings.store ?? sourceUrl(settings);
}
