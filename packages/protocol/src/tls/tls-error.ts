import { ColophonError } from '../error.js';

const WRONG_CERTIFICATE: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another host: give the name that it is for",
  CERT_HAS_EXPIRED: "the server's certificate has expired: renew it there",
  CERT_NOT_YET_VALID: "the server's certificate isn't valid yet: check both clocks",
  CERT_REVOKED: "the server's certificate was revoked: renew it there",
};
const UNKNOWN_AUTHORITY =
  "the server's certificate is of no authority known here: give that authority's file as sslrootcert";

const UNUSABLE_FILE =
  'a file of sslcert, sslkey, sslcrl or sslrootcert, or sslpassword, is not right: check them';

/** What Node says of a certificate, or of the handshake. */
const TLS_CODE =
  /^(ERR_OSSL_|ERR_CRYPTO_|ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|PATH_LENGTH_|HOSTNAME_|EPROTO$)/;

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
      (/^ERR_(?:OSSL|CRYPTO)_/.test(code as string)
        ? UNUSABLE_FILE
        : /^(ERR_|EPROTO)/.test(code as string)
          ? "the handshake failed: see the server's log"
          : UNKNOWN_AUTHORITY));
  const why = isRefused ? '' : ` (${String(code)})`;
  return new ColophonError('TLS_FAILED', `${target} can't be reached by TLS${why}: ${reason}.`, {
    cause: error,
    details: { reason: isRefused ? 'REFUSED' : String(code) },
  });
}
