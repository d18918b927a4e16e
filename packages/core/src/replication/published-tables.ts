import type { Lsn } from '@colophon/protocol';
import type { SourceClient } from './source-client.js';

/** What a publication gives at one moment. */
export interface PublishedLook {
  /** The log reached this far before the look, and … */
  readonly beforeLsn: Lsn;
  /** … this far after it: the moment lies between. */
  readonly afterLsn: Lsn;
  readonly isTold: boolean;
  readonly isWhole: boolean;
  /** By oid, those of which every row and column is given. */
  readonly tables: ReadonlyMap<number, string>;
  /** Which of the tables asked for are there, published or not. */
  readonly existing: ReadonlySet<number>;
  /** By oid, those that somebody took out on purpose, and who, as the publication's comment says it. */
  readonly untracked?: ReadonlyMap<number, string>;
}

const LSN = "SELECT pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn AS lsn";

// Before 15 there were no row filters and column lists. `told`: by init's event triggers, which fire always.
const LOOK = `SELECT p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT p.pubviaroot AS whole,
  (SELECT pg_catalog.count(*) = 2 FROM pg_catalog.pg_event_trigger e JOIN pg_catalog.pg_proc f ON f.oid = e.evtfoid
    WHERE e.evtname IN ('colophon_ddl', 'colophon_ddl_drop') AND e.evtenabled = 'A' AND f.proname = 'record_ddl') AS told,
  (SELECT pg_catalog.json_object_agg(c.oid::text, pg_catalog.format('%I.%I', n.nspname, c.relname))
    FROM pg_catalog.pg_get_publication_tables(p.pubname) t
    JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = c.oid
    WHERE pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(r)) ?| ARRAY['prqual', 'prattrs'] IS NOT TRUE) AS tables,
  CASE WHEN pg_catalog.obj_description(p.oid, 'pg_publication') ~ '"untracked":'
    THEN pg_catalog.obj_description(p.oid, 'pg_publication') END AS comment,
  (SELECT pg_catalog.json_agg(c.oid::bigint) FROM pg_catalog.pg_class c WHERE c.oid = ANY ($2::oid[])) AS existing
  FROM pg_catalog.pg_publication p WHERE p.pubname = $1`;

/** Looks at what a publication gives; null where there is none. `known`: oids of tables that may be there still. */
export async function lookAtPublication(
  client: Pick<SourceClient, 'query'>,
  publication: string,
  known: readonly number[],
): Promise<PublishedLook | null> {
  const beforeLsn = await currentLsn(client);
  const [row] = await client.query(LOOK, [publication, known]);
  if (row === undefined) return null;
  const { whole, told, tables, existing, comment } = row as unknown as LookRow;
  return {
    beforeLsn,
    afterLsn: await currentLsn(client),
    isWhole: whole,
    isTold: told,
    tables: new Map(Object.entries(tables ?? {}).map(([oid, name]) => [Number(oid), name])),
    existing: new Set(existing ?? []),
    untracked: untrackedIn(comment),
  };
}

/** A comment may be anybody's. */
function untrackedIn(comment: string | null): ReadonlyMap<number, string> {
  try {
    const { untracked } = JSON.parse(comment?.slice(comment.indexOf('{')) ?? '{}') as {
      untracked?: readonly { oid: unknown; by: unknown }[];
    };
    return new Map((untracked ?? []).map(({ oid, by }) => [Number(oid), String(by)]));
  } catch {
    return new Map();
  }
}

interface LookRow {
  readonly whole: boolean;
  readonly told: boolean;
  readonly tables: Readonly<Record<string, string>> | null;
  readonly existing: readonly number[] | null;
  readonly comment: string | null;
}

async function currentLsn(client: Pick<SourceClient, 'query'>): Promise<Lsn> {
  const [row] = await client.query(LSN);
  return BigInt(String(row?.lsn)) as Lsn;
}
