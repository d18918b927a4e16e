import fs from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { ColophonError } from './error.js';

/** A connection URL without what it says of TLS, and that as node-postgres takes it. */
export interface TlsChoice {
  readonly url: string;
  /** False: plain text. Undefined: the URL says nothing, so `PGSSLMODE` decides, else plain text. */
  readonly ssl: boolean | ConnectionOptions | undefined;
  readonly sslnegotiation: 'direct' | undefined;
}

const OURS = new Set([
  'ssl',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslnegotiation',
  'uselibpqcompat',
]);

/**
 * Reads `sslmode` and its like as libpq does, where node-postgres takes every mode for verify-full and libpq's own rules
 * for others. `require` encrypts without asking who answers (with `sslrootcert`: as verify-ca); `verify-ca` checks
 * the certificate's authority; `verify-full`, and `ssl=true`, its host's name too. `allow` and `prefer` are refused, since
 * they fall back to plain text. Roots are those of `sslrootcert`, else Node's own with `NODE_EXTRA_CA_CERTS`.
 * Throws `INVALID_OPTION`; `role` says whose URL it is, which is never repeated.
 * @see https://www.postgresql.org/docs/current/libpq-ssl.html
 */
export function tlsChoice(url: string, role: string): TlsChoice {
  const at = url.indexOf('?');
  if (at < 0) return { url, ssl: undefined, sslnegotiation: undefined };
  const said = new Map<string, string>();
  const rest = url
    .slice(at + 1)
    .split('&')
    .filter((pair) => {
      const [name = '', value = ''] = pair.split('=', 2);
      if (!OURS.has(name)) return true;
      said.set(name, decode(value));
      return false;
    });
  const bare = url.slice(0, at) + (rest.join('') === '' ? '' : `?${rest.join('&')}`);
  const sslnegotiation = said.get('sslnegotiation') === 'direct' ? 'direct' : undefined;
  const ssl = options(said, role);
  return {
    url: bare,
    ssl: ssl === undefined && sslnegotiation === 'direct' ? true : ssl,
    sslnegotiation,
  };
}

function options(said: ReadonlyMap<string, string>, role: string): TlsChoice['ssl'] {
  const mode = said.get('sslmode') ?? modeOfSsl(said, role);
  const ca = readFile(said, 'sslrootcert', role);
  const cert = readFile(said, 'sslcert', role);
  const key = readFile(said, 'sslkey', role);
  const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  switch (mode) {
    case undefined:
      // A root or a certificate of one's own without a mode: whoever gives it wants it used.
      return Object.keys(files).length > 0 ? files : undefined;
    case 'disable':
      return false;
    case 'no-verify':
      return { ...files, rejectUnauthorized: false };
    case 'require':
      return ca === undefined ? { ...files, rejectUnauthorized: false } : { ...files, ...ANY_HOST };
    case 'verify-ca':
      return { ...files, ...ANY_HOST };
    case 'verify-full':
      return files;
    default:
      throw new ColophonError(
        'INVALID_OPTION',
        `The ${role}'s sslmode is disable, require, verify-ca or verify-full, got ${JSON.stringify(mode)}: allow and prefer would fall back to plain text.`,
        { details: { option: 'sslmode' } },
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
  throw new ColophonError('INVALID_OPTION', `The ${role}'s ssl is true or false: sslmode says more.`, {
    details: { option: 'ssl' },
  });
}

function readFile(said: ReadonlyMap<string, string>, name: string, role: string): string | undefined {
  const path = said.get(name);
  if (path === undefined || path === '' || (name === 'sslrootcert' && path === 'system')) return undefined;
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    throw new ColophonError(
      'INVALID_OPTION',
      `The ${role}'s ${name} can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}): check the path ${path}.`,
      { details: { option: name } },
    );
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

const WRONG_CERTIFICATE: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another host: give the name that it is for",
  CERT_HAS_EXPIRED: "the server's certificate has expired: renew it there",
  CERT_NOT_YET_VALID: "the server's certificate isn't valid yet: check both clocks",
  CERT_REVOKED: "the server's certificate was revoked: renew it there",
};
const UNKNOWN_AUTHORITY =
  "the server's certificate is of no authority known here: give that authority's file as sslrootcert";

/** What Node says of a certificate, or of the handshake. */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|PATH_LENGTH_|HOSTNAME_|EPROTO$)/;

/**
 * `TLS_FAILED` where an error is of TLS, else undefined. `isRefused`: the server was asked for TLS and has none.
 * Never retried: it won't pass, and there is no going on in plain text.
 */
export function tlsError(error: unknown, target: string, isRefused = false): ColophonError | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  const isOfTls = typeof code === 'string' && TLS_CODE.test(code);
  if (!isOfTls && !isRefused) return undefined;
  const reason = isRefused
    ? 'the server offers no TLS: switch ssl on there'
    : (WRONG_CERTIFICATE[code as string] ??
      (/^(ERR_|EPROTO)/.test(code as string)
        ? "the handshake failed: see the server's log"
        : UNKNOWN_AUTHORITY));
  const why = isRefused ? '' : ` (${String(code)})`;
  return new ColophonError('TLS_FAILED', `${target} can't be reached by TLS${why}: ${reason}.`, {
    cause: error,
    details: { reason: isRefused ? 'REFUSED' : String(code) },
  });
}
