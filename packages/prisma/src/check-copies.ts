import { ColophonError } from '@colophon/protocol';

const STATE = /^@colophon\/(context|pg)\/(\d+)$/;
/** The versions that this package was built with. */
const OWN = '1';

/**
 * Throws `CARRIER_CONFLICT` where another copy of Colophon keeps contexts in a place of its own, or has instrumented this pool in a way of its own: what the application
 * says there would never reach the writes here. Copies of the same version share both.
 */
export function checkCopies(pool: object | null): void {
  for (const place of [globalThis, pool ?? {}]) {
    for (const symbol of Object.getOwnPropertySymbols(place)) {
      const [, name, version] = STATE.exec(Symbol.keyFor(symbol) ?? '') ?? [];
      if (name === undefined || version === OWN) continue;
      throw new ColophonError(
        'CARRIER_CONFLICT',
        `Two copies of @colophon/${name} that share no contexts are loaded (state ${version}, wanted ${OWN}): install one version of it; npm ls @colophon/${name} shows both.`,
        { details: { seen: Number(version), wanted: Number(OWN) } },
      );
    }
  }
}
