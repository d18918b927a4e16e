import type { Nonce } from '@colophon/protocol';
import pg from 'pg';
import { timestampText } from './copy-text.js';

interface SignerNonces {
  readonly counters: number[];
  newestMs: number;
}

/** The nonces of one flush, by signer. */
export class SeenNonces {
  readonly #signers = new Map<string, SignerNonces>();

  add({ signer, counter, signedAtMs }: Nonce): void {
    const known = this.#signers.get(signer);
    if (known === undefined) {
      this.#signers.set(signer, { counters: [counter], newestMs: signedAtMs });
      return;
    }
    known.counters.push(counter);
    known.newestMs = Math.max(known.newestMs, signedAtMs);
  }

  /** The statement that keeps them; empty where there are none. */
  statement(sourceId: number): string {
    if (this.#signers.size === 0) return '';
    const rows = [...this.#signers].map(([signer, { counters, newestMs }]) => {
      const signedAt = timestampText(BigInt(newestMs) * 1_000n);
      return `(${sourceId}, '${signedAt}', ${pg.escapeLiteral(signer)}, '${multirange(counters)}')`;
    });
    return `INSERT INTO colophon.signature_nonces (source_id, signed_at, signer, counters) VALUES ${rows.join(', ')};`;
  }
}

/** What was kept, as one row: a `NonceMemory`. */
export const RECALL_NONCES = `
SELECT coalesce((SELECT extract(epoch FROM forgotten_until) * 1000 FROM colophon.signature_floors WHERE source_id = $1), 0)::float8
  AS "forgottenUntilMs",
  coalesce((
    SELECT json_agg(json_build_object('signer', s.signer, 'newestMs', ceil(extract(epoch FROM s.newest) * 1000),
      'counters', (SELECT json_agg(json_build_array(lower(r), upper(r) - 1)) FROM unnest(s.counters) AS r)))
    FROM (
      SELECT n.signer, range_agg(r) AS counters, max(n.signed_at) AS newest
      FROM colophon.signature_nonces n, unnest(n.counters) AS r WHERE n.source_id = $1 GROUP BY n.signer
    ) AS s), '[]') AS signers`;

function multirange(counters: readonly number[]): string {
  const sorted = [...counters].sort((a, b) => a - b);
  const runs: string[] = [];
  let first = sorted[0]!;
  sorted.forEach((counter, index) => {
    const next = sorted[index + 1];
    if (next === counter || next === counter + 1) return;
    runs.push(`[${first},${counter}]`);
    first = next!;
  });
  return `{${runs.join(',')}}`;
}
