/** A copy of `colophon.changes`, without its defaults and constraints: a doubled row must be visible here. */
export const STORED_TABLE = `
DROP TABLE IF EXISTS oracle.stored CASCADE;
CREATE TABLE oracle.stored (
  id uuid, seq bigint, database text, schema text, "table" text, partition text, primary_key text, key jsonb,
  operation text, before jsonb, after jsonb, unchanged text[], context jsonb, verified boolean,
  committed_at timestamptz, queued_at timestamptz, created_at timestamptz,
  transaction_id bigint, position bigint, commit_lsn pg_lsn, sequence int
);
CREATE VIEW oracle.compared AS
  WITH stored AS (
    SELECT *, row_number() OVER (PARTITION BY transaction_id, sequence ORDER BY seq) AS copy,
           row_number() OVER (ORDER BY seq) AS stored_place,
           count(*) OVER (PARTITION BY id) AS same_id
    FROM oracle.stored)
  SELECT e.place, s.stored_place, coalesce(e.xid, s.transaction_id) AS xid, coalesce(e.sequence, s.sequence) AS sequence,
         coalesce(e.schema || '.' || e."table", s.schema || '.' || s."table") AS name,
         coalesce(e.operation, s.operation) AS operation,
         e.place IS NULL AND s.copy = 1 AS invented,
         s.copy > 1 AS doubled,
         s.stored_place IS NULL AS lost,
         e.place IS NOT NULL AND s.stored_place IS NOT NULL AS paired,
         e.context AS expected_context, s.context AS stored_context,
         jsonb_build_object('operation', e.operation, 'schema', e.schema, 'table', e."table", 'partition', e.partition,
           'before', e.before, 'after', e.after, 'key', e.key,
           'primary_key', CASE WHEN e.key_width > 1 AND e.operation <> 'TRUNCATE' THEN e.key::text ELSE e.primary_key END,
           'position', e.position - '0/0', 'committed_at', e.committed_at,
           'unchanged', ARRAY[]::text[], 'verified', NULL::boolean,
           'commit_lsn is the commit''s', true, 'id is its own', true, 'times are in order', true) AS expected_facts,
         jsonb_build_object('operation', s.operation, 'schema', s.schema, 'table', s."table", 'partition', s.partition,
           'before', s.before, 'after', s.after, 'key', s.key, 'primary_key', s.primary_key,
           'position', s.position, 'committed_at', s.committed_at,
           'unchanged', s.unchanged, 'verified', s.verified,
           'commit_lsn is the commit''s', s.commit_lsn >= e.previous_end_lsn AND s.commit_lsn < e.end_lsn
                                          AND s.commit_lsn >= e.position,
           'id is its own', s.id IS NOT NULL AND s.same_id = 1,
           'times are in order', s.queued_at >= s.committed_at - interval '1 second'
                                 AND s.created_at >= s.queued_at - interval '1 second') AS stored_facts
  FROM oracle.expected e
  FULL JOIN stored s ON (s.transaction_id, s.sequence, s.copy) = (e.xid, e.sequence, 1);
CREATE VIEW oracle.judged AS
  SELECT *, paired AND expected_context IS DISTINCT FROM stored_context AS wrong_context,
         paired AND expected_facts IS DISTINCT FROM stored_facts AS wrong_value,
         paired AND place <= max(place) FILTER (WHERE paired)
           OVER (ORDER BY stored_place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS out_of_order
  FROM oracle.compared;
`;

/** How many of each kind. */
export const COUNT_DIFFERENCES = `
SELECT (SELECT count(*)::int FROM oracle.expected) AS expected,
       (SELECT count(*)::int FROM oracle.stored) AS stored,
       count(*) FILTER (WHERE lost)::int AS lost,
       count(*) FILTER (WHERE doubled)::int AS doubled,
       count(*) FILTER (WHERE invented)::int AS invented,
       count(*) FILTER (WHERE wrong_context)::int AS "wrongContext",
       count(*) FILTER (WHERE wrong_value)::int AS "wrongValue",
       count(*) FILTER (WHERE out_of_order)::int AS "outOfOrder"
FROM oracle.judged`;

/** The first of each kind. */
export const LIST_DIFFERENCES = `
SELECT kind, xid::text, sequence, name, operation, expected_context, stored_context, expected_facts, stored_facts
FROM (
  SELECT j.*, k.kind, row_number() OVER (PARTITION BY k.kind ORDER BY place, stored_place) AS nth
  FROM oracle.judged j, LATERAL (VALUES ('lost', lost), ('doubled', doubled), ('invented', invented),
    ('wrong context', wrong_context), ('wrong value', wrong_value), ('out of order', out_of_order)) AS k (kind, so)
  WHERE k.so) d
WHERE nth <= 4 ORDER BY kind, nth`;
