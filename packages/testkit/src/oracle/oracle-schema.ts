/**
 * What the oracle keeps at the source, in a schema that no publication has:
 *
 * - `oracle.in_force`: the context in force on each backend, said by the workload over another connection, so that
 *   neither the connection under test nor its transaction takes part in it. Unlogged: no WAL of its own.
 * - `oracle.says(context)`: the same from inside one statement, for autocommit statements of a pool, whose backend
 *   isn't known beforehand.
 * - `oracle.written`: one row for each row that triggers saw. `id` orders those of a transaction.
 *
 * A trigger's function carries its own settings, since `to_jsonb` of ranges, intervals, bytea and timestamps
 * depends on the session's.
 */
export const ORACLE_SCHEMA = `
CREATE SCHEMA oracle;
CREATE UNLOGGED TABLE oracle.in_force (pid int PRIMARY KEY, context jsonb NOT NULL);
CREATE TABLE oracle.written (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid bigint NOT NULL,
  operation text NOT NULL,
  leaf oid NOT NULL,
  before jsonb NOT NULL,
  after jsonb NOT NULL,
  context jsonb NOT NULL
);
CREATE FUNCTION oracle.says(context jsonb) RETURNS boolean LANGUAGE sql VOLATILE AS
  $$ SELECT set_config('oracle.context', context::text, true) IS NOT NULL $$;
CREATE FUNCTION oracle.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET TimeZone = 'UTC' SET DateStyle = 'ISO' SET IntervalStyle = 'postgres'
  SET bytea_output = 'hex' SET extra_float_digits = 1
AS $$
DECLARE
  said jsonb := nullif(current_setting('oracle.context', true), '')::jsonb;
BEGIN
  IF said IS NULL THEN
    SELECT f.context INTO said FROM oracle.in_force f WHERE f.pid = pg_backend_pid();
  END IF;
  INSERT INTO oracle.written (xid, operation, leaf, before, after, context) VALUES (
    (pg_current_xact_id()::text::numeric % 4294967296)::bigint,
    CASE TG_OP WHEN 'INSERT' THEN 'CREATE' ELSE TG_OP END,
    TG_RELID,
    CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN to_jsonb(OLD) ELSE '{}' END,
    CASE WHEN TG_OP IN ('UPDATE', 'INSERT') THEN to_jsonb(NEW) ELSE '{}' END,
    coalesce(said, '{}')
  );
  RETURN NULL;
END $$;
`;

/**
 * Triggers on one tracked table, given as `$1::regclass`: rows on the table itself (PostgreSQL clones a root's for its
 * partitions), TRUNCATE on each leaf. The name sorts before those of foreign keys, so that a row is recorded
 * before the cascade that it starts.
 */
export const INSTALL_TRIGGERS = `
DO $do$
DECLARE
  tracked regclass := current_setting('oracle.table')::regclass;
  leaf regclass;
BEGIN
  EXECUTE format('CREATE TRIGGER "A_oracle" AFTER INSERT OR UPDATE OR DELETE ON %s
                  FOR EACH ROW EXECUTE FUNCTION oracle.record()', tracked);
  FOR leaf IN SELECT coalesce(t.relid, tracked) FROM (SELECT 1) one LEFT JOIN pg_partition_tree(tracked) t ON true
              WHERE t.isleaf IS NOT FALSE LOOP
    EXECUTE format('CREATE TRIGGER "A_oracle_truncate" AFTER TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION oracle.record()', leaf);
  END LOOP;
END $do$;
`;

/**
 * What `colophon.changes` should hold, built from two witnesses that know nothing of each other: a second slot, read by
 * `test_decoding`, for the order of commits, the order of rows within each, their LSNs and commit times; the
 * triggers for values and context. Within a transaction and a table both have the same order (a trigger fires in
 * the order of the rows of its statement; across tables a cascade may differ, and there the slot's order counts).
 */
export const HARVEST = `
CREATE TABLE oracle.wal AS
  SELECT row_number() OVER () AS n, lsn, xid::text::bigint AS xid, substring(data for 600) AS data
  FROM pg_logical_slot_get_changes(current_setting('oracle.slot'), NULL, NULL, 'include-timestamp', '1');

CREATE TABLE oracle.commits AS
  SELECT row_number() OVER (ORDER BY n) AS commit_index, xid, lsn AS end_lsn,
         lag(lsn, 1, '0/0') OVER (ORDER BY n) AS previous_end_lsn,
         substring(data from '\\(at (.*)\\)$')::timestamptz AS committed_at
  FROM oracle.wal WHERE data LIKE 'COMMIT %';
CREATE UNIQUE INDEX ON oracle.commits (xid);

CREATE TABLE oracle.decoded AS
  SELECT n, k, lsn, xid, head[2] AS operation, to_regclass(name)::oid AS leaf
  FROM (SELECT n, lsn, xid, regexp_match(data, '^table (.*?): (INSERT|UPDATE|DELETE|TRUNCATE):') AS head
        FROM oracle.wal WHERE data LIKE 'table %') rows,
       unnest(CASE head[2] WHEN 'TRUNCATE' THEN string_to_array(head[1], ', ') ELSE ARRAY[head[1]] END)
         WITH ORDINALITY AS named (name, k);

CREATE TABLE oracle.tracked AS
  SELECT leaf.oid AS leaf, root.oid AS root, rootspace.nspname AS schema, root.relname AS "table",
         CASE WHEN leaf.oid <> root.oid THEN
           CASE WHEN leafspace.oid <> rootspace.oid THEN leafspace.nspname || '.' ELSE '' END || leaf.relname
         END AS partition,
         coalesce((SELECT array_agg(a.attname ORDER BY place)
                   FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, place), pg_attribute a
                   WHERE i.indrelid = root.oid AND i.indisprimary
                     AND a.attrelid = root.oid AND a.attnum = k.attnum), '{}') AS key_columns,
         coalesce((SELECT array_agg(a.attname::text) FROM pg_attribute a
                   WHERE a.attrelid = leaf.oid AND a.attnum > 0
                     AND (a.attgenerated = 'v'
                       OR a.attgenerated = 's' AND current_setting('server_version_num')::int < 180000)), '{}') AS unpublished
  FROM pg_class leaf
  JOIN pg_namespace leafspace ON leafspace.oid = leaf.relnamespace
  JOIN pg_class root ON root.oid = coalesce(pg_partition_root(leaf.oid)::oid, leaf.oid)
  JOIN pg_namespace rootspace ON rootspace.oid = root.relnamespace
  WHERE leaf.relkind = 'r'
    AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = leaf.oid AND t.tgname = 'A_oracle');

ANALYZE oracle.written, oracle.decoded, oracle.commits, oracle.tracked;

CREATE TABLE oracle.matched AS
  SELECT d.xid AS decoded_xid, w.xid AS written_xid, coalesce(d.leaf, w.leaf) AS leaf, d.n, d.k, d.lsn,
         d.operation AS decoded_operation, w.operation AS written_operation, w.before, w.after, w.context
  FROM (SELECT *, CASE operation WHEN 'INSERT' THEN 'CREATE' ELSE operation END AS stored_operation,
               row_number() OVER (PARTITION BY xid, leaf ORDER BY n, k) AS place
        FROM oracle.decoded WHERE leaf IN (SELECT leaf FROM oracle.tracked)) d
  FULL JOIN (SELECT *, row_number() OVER (PARTITION BY xid, leaf ORDER BY id) AS place FROM oracle.written) w
    ON (w.xid, w.leaf, w.place, w.operation) = (d.xid, d.leaf, d.place, d.stored_operation);

ANALYZE oracle.matched;

CREATE TABLE oracle.expected AS
  SELECT row_number() OVER (ORDER BY c.commit_index, m.n, m.k) AS place,
         c.commit_index, c.xid, (row_number() OVER (PARTITION BY c.xid ORDER BY m.n, m.k) - 1)::int AS sequence,
         m.written_operation AS operation, t.schema, t."table", t.partition,
         m.before - t.unpublished AS before, m.after - t.unpublished AS after, m.context,
         m.lsn AS position, c.previous_end_lsn, c.end_lsn, c.committed_at,
         coalesce((SELECT jsonb_object_agg(name, (CASE m.written_operation WHEN 'DELETE' THEN m.before ELSE m.after END) -> name)
                   FROM unnest(t.key_columns) AS name
                   WHERE m.written_operation <> 'TRUNCATE'), '{}') AS key,
         CASE WHEN m.written_operation <> 'TRUNCATE' AND cardinality(t.key_columns) = 1 THEN
           (CASE m.written_operation WHEN 'DELETE' THEN m.before ELSE m.after END) ->> t.key_columns[1]
         END AS primary_key,
         cardinality(t.key_columns) AS key_width
  FROM oracle.matched m
  JOIN oracle.commits c ON c.xid = m.decoded_xid
  JOIN oracle.tracked t ON t.leaf = m.leaf;
CREATE UNIQUE INDEX ON oracle.expected (xid, sequence);
ANALYZE oracle.expected;
`;
