import { ColophonError, tlsChoice } from '@colophon/protocol';
import type { ClientConfig } from 'pg';
import { parse, toClientConfig } from 'pg-connection-string';

/** What `sourceConfig` may be told besides the URL. */
export interface ConnectionChoices {
  /** One attempt to connect. Default 10,000. */
  connectTimeoutMs?: number;
}

// Values are text in the wire format of the session, which a database's or role's settings reach: so ours are spoken last.
const TEXT_FORM = [
  'TimeZone=UTC',
  'DateStyle=ISO',
  'IntervalStyle=postgres',
  'bytea_output=hex',
  'extra_float_digits=1',
];
const KEEP_ALIVE_DELAY_MS = 10_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const SCHEME = /^(postgres(ql)?|socket):/;

/**
 * A connection URL as node-postgres wants it, with the session settings that fix how values are written. The URL's own
 * `options` stay, ours come after them. Throws `INVALID_OPTION` for what isn't a URL of PostgreSQL; never repeats it,
 * since it may hold a password.
 */
export function sourceConfig(url: string, choices: ConnectionChoices = {}): ClientConfig {
  let parsed: ClientConfig;
  try {
    if (!SCHEME.test(url)) throw new TypeError('no scheme of PostgreSQL');
    const choice = tlsChoice(url, 'source');
    parsed = toClientConfig(parse(choice.url));
    if (choice.ssl !== undefined) parsed.ssl = choice.ssl;
    if (choice.sslnegotiation !== undefined) Object.assign(parsed, { sslnegotiation: 'direct' });
  } catch (error) {
    if (error instanceof ColophonError) throw error;
    throw new ColophonError(
      'INVALID_OPTION',
      'The source is not a connection URL. It looks like postgres://user:password@host:5432/database.',
      { details: { option: 'source' } },
    );
  }
  const own = parsed.options ?? process.env.PGOPTIONS;
  const config: ClientConfig = {
    ...parsed,
    options: [...(own ? [own] : []), ...TEXT_FORM.map((setting) => `-c ${setting}`)].join(' '),
    application_name: parsed.application_name ?? 'colophon',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: choices.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
  };
  // A stream is one query that never ends.
  delete config.query_timeout;
  return config;
}

/** Host and database of a URL, for messages: never its password. */
export function describeSource(config: ClientConfig): string {
  const host = config.host ?? 'localhost';
  return `${host}${config.port === undefined ? '' : `:${config.port}`}/${config.database ?? ''}`;
}
