import { ColophonError } from '../error.js';

/** What a URL says of TLS, by libpq's names, and the URL without it. */
export interface TlsParameters {
  readonly url: string;
  readonly said: ReadonlyMap<string, string>;
}

/** Those that are followed. */
const FOLLOWED = new Set([
  'ssl',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'sslcrl',
  'sslnegotiation',
  'ssl_min_protocol_version',
  'channel_binding',
]);
/** Those without which a connection is no less safe. */
const HARMLESS = new Set(['uselibpqcompat', 'sslcompression', 'sslsni', 'ssl_max_protocol_version']);
const OF_TLS = /^(?:require)?(?:ssl|tls)|^channel_?binding$/;

/**
 * Takes what a connection URL says of TLS out of it. A name is known in any case and encoding. One that seems to be of TLS and isn't
 * known throws `INVALID_OPTION`: node-postgres would pass over it, and the connection would be less safe than was asked for.
 */
export function tlsParameters(url: string, role: string): TlsParameters {
  const at = url.indexOf('?');
  const said = new Map<string, string>();
  if (at < 0) return { url, said };
  const rest = url
    .slice(at + 1)
    .split('&')
    .filter((pair) => {
      const equals = pair.indexOf('=');
      const name = decoded(equals < 0 ? pair : pair.slice(0, equals)).toLowerCase();
      if (HARMLESS.has(name)) return false;
      if (!FOLLOWED.has(name)) {
        if (OF_TLS.test(name.replace(/^amp;/, '')))
          throw unknownParameter(url.includes('@', at) ? '' : name, role);
        return true;
      }
      said.set(name, equals < 0 ? '' : decoded(pair.slice(equals + 1)));
      return false;
    });
  return { url: url.slice(0, at) + (rest.join('') === '' ? '' : `?${rest.join('&')}`), said };
}

/** The name stays empty where it could be the end of a password with a question mark in it. */
function unknownParameter(name: string, role: string): ColophonError {
  const shown = /^[a-z_;]{1,40}$/.test(name) ? ` ${name}` : '';
  return new ColophonError(
    'INVALID_OPTION',
    `The ${role}'s URL has a parameter${shown} that seems to be of TLS and isn't known here: TLS is asked for by ${[...FOLLOWED].join(', ')}.`,
    { details: { option: 'sslmode' } },
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
