import fs from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { ColophonError } from '../error.js';
import { tlsParameters } from './tls-parameters.js';

/** A connection URL without what it says of TLS, and that as node-postgres takes it. */
export interface TlsChoice {
  readonly url: string;
  /** False: plain text. Undefined: neither the URL nor `PGSSLMODE` says anything, so plain text. */
  readonly ssl: boolean | ConnectionOptions | undefined;
  readonly sslnegotiation: 'direct' | undefined;
}

/** libpq's variables, for what the URL doesn't say. */
const VARIABLES: Readonly<Record<string, string>> = {
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslcrl: 'PGSSLCRL',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  channel_binding: 'PGCHANNELBINDING',
};

type Asked = (name: string) => string | undefined;

/**
 * Reads `sslmode` and its like as libpq does, from the URL or else libpq's variables, where node-postgres takes every mode for
 * verify-full and libpq's own rules for others. `require` encrypts without asking who answers (with `sslrootcert`: as
 * verify-ca); `verify-ca` checks the certificate's authority; `verify-full`, and `ssl=true`, its host's name too. `allow` and
 * `prefer` are refused, since they fall back to plain text; so is what is known to libpq alone. `channel_binding=require` asks
 * the server to prove who it is: here it does so by its certificate, as with verify-full. Roots are those of `sslrootcert`,
 * else Node's own with `NODE_EXTRA_CA_CERTS`. Throws `INVALID_OPTION`; `role` says whose URL it is, which is never repeated.
 * @see https://www.postgresql.org/docs/current/libpq-ssl.html
 */
export function tlsChoice(url: string, role: string): TlsChoice {
  const { url: bare, said } = tlsParameters(url, role);
  const asked: Asked = (name) => said.get(name) ?? (process.env[VARIABLES[name] ?? ''] || undefined);
  const mode = modeOf(said, asked, role);
  const ssl = options(mode, said, asked, role);
  if (said.get('sslnegotiation') !== 'direct') return { url: bare, ssl, sslnegotiation: undefined };
  if (ssl === false) {
    throw invalid('sslnegotiation', `The ${role}'s sslnegotiation=direct is TLS, sslmode=disable is none.`);
  }
  return { url: bare, ssl: ssl ?? true, sslnegotiation: 'direct' };
}

/** What was asked for, and what is at least as safe where that can't be had. */
function modeOf(said: ReadonlyMap<string, string>, asked: Asked, role: string): string | undefined {
  const mode = said.get('sslmode') ?? modeOfSsl(said, role) ?? asked('sslmode');
  if (asked('channel_binding') === 'require') {
    if (mode === 'disable') {
      throw invalid(
        'channel_binding',
        `The ${role}'s channel_binding=require needs TLS: sslmode=verify-full.`,
      );
    }
    if (mode === undefined || mode === 'require' || mode === 'verify-ca') return 'verify-full';
  }
  if (asked('sslrootcert') !== 'system') return mode;
  // Whoever has any certificate of a public authority would do, with less.
  if (mode !== undefined && mode !== 'verify-full') {
    throw invalid('sslmode', `The ${role}'s sslrootcert=system goes with sslmode=verify-full only.`);
  }
  return 'verify-full';
}

function options(
  mode: string | undefined,
  said: ReadonlyMap<string, string>,
  asked: Asked,
  role: string,
): TlsChoice['ssl'] {
  if (mode === 'disable') return false;
  // A root or a certificate in the URL without a mode: whoever gives it wants it used.
  const isAsked = mode !== undefined || ['sslrootcert', 'sslcert', 'sslkey'].some((name) => said.get(name));
  if (!isAsked) return undefined;
  const read = (name: string) => readFile(asked(name), name, role);
  const ca = asked('sslrootcert') === 'system' ? undefined : certificates(read('sslrootcert'), role);
  const cert = read('sslcert');
  const key = read('sslkey');
  const crl = read('sslcrl');
  const passphrase = said.get('sslpassword');
  // Node's own least is 1.2.
  const minVersion = asked('ssl_min_protocol_version') === 'TLSv1.3' ? 'TLSv1.3' : undefined;
  const files = {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(crl && { crl }),
    ...(passphrase && { passphrase }),
    ...(minVersion && ({ minVersion } as const)),
  };
  switch (mode) {
    case 'no-verify':
      return { ...files, rejectUnauthorized: false };
    case 'require':
      return ca === undefined ? { ...files, rejectUnauthorized: false } : { ...files, ...ANY_HOST };
    case 'verify-ca':
      return { ...files, ...ANY_HOST };
    case undefined:
    case 'verify-full':
      return files;
    default:
      throw invalid(
        'sslmode',
        `The ${role}'s sslmode is disable, require, verify-ca or verify-full, got ${JSON.stringify(mode)}${said.has('sslmode') ? '' : ' of PGSSLMODE'}: allow and prefer would fall back to plain text.`,
      );
  }
}

const ANY_HOST = { checkServerIdentity: () => undefined };

/** `ssl=true` of JDBC and node-postgres. */
function modeOfSsl(said: ReadonlyMap<string, string>, role: string): string | undefined {
  const ssl = said.get('ssl');
  if (ssl === undefined) return undefined;
  if (ssl === 'true' || ssl === '1') return 'verify-full';
  if (ssl === 'false' || ssl === '0') return 'disable';
  if (ssl === 'no-verify') return ssl;
  throw invalid('ssl', `The ${role}'s ssl is true or false: sslmode says more.`);
}

function readFile(path: string | undefined, name: string, role: string): string | undefined {
  if (path === undefined || path === '') return undefined;
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(
      name,
      `The ${role}'s ${name} can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}): check the path ${path}.`,
    );
  }
}

/** A file without a certificate would leave Node's own authorities in force. */
function certificates(text: string | undefined, role: string): string | undefined {
  if (text === undefined || /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(text)) return text;
  throw invalid('sslrootcert', `The ${role}'s sslrootcert holds no certificate: give a file in PEM form.`);
}

function invalid(option: string, message: string): ColophonError {
  return new ColophonError('INVALID_OPTION', message, { details: { option } });
}
