/**
 * Writes src/statement/read-only-functions.ts from the catalogs of PostgreSQL 14 to 18.
 * Run in the workspace's root: npx jiti packages/pg/scripts/list-read-only-functions.mts
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Major, nativeDir } from '../../../test/embedded-postgres.ts';
import { launchPostgres } from '../../testkit/dist/index.js';

const MAJORS: readonly Major[] = [14, 15, 16, 17, 18];

/** Declared as not volatile, and yet they run SQL that they are given, or the body of a view. */
const RUN_SQL = /_to_xml(schema|_and_xmlschema)?$/;

/** Declared as volatile for other reasons than writing: they tell the time, roll dice, lock, look, notify or stop. */
const HARMLESS_VOLATILE =
  /^(array_sample|array_shuffle|clock_timestamp|current_query|currval|gen_random_uuid|lastval|random|random_normal|set_config|setseed|timeofday|timezone|txid_status|uuidv[47]|pg_(try_)?advisory_.*|pg_blocking_pids|pg_safe_snapshot_blocking_pids|pg_cancel_backend|pg_terminate_backend|pg_collation_actual_version|pg_current_(logfile|wal_.*lsn)|pg_database_size|pg_export_snapshot|pg_get_(aios|backend_memory_contexts|loaded_modules|sequence_data|shmem_allocations.*|wait_events)|pg_(hba_file_rules|ident_file_mappings)|pg_indexes_size|pg_is_in_(backup|recovery)|pg_is_wal_replay_paused|pg_isolation_test_session_is_blocked|pg_jit_available|pg_last_.*|pg_lock_status|pg_notification_queue_usage|pg_notify|pg_partition_(ancestors|tree)|pg_prepared_xact|pg_relation_size|pg_sequence_last_value|pg_show_all_file_settings|pg_show_replication_origin_status|pg_sleep(_for|_until)?|pg_stat_(clear_snapshot|force_next_flush|have_stats|get_.*)|pg_table_size|pg_tablespace_size|pg_total_relation_size|pg_xact_(commit_timestamp.*|status))$/;

const FUNCTIONS = `
  SELECT p.proname AS name
  FROM pg_proc p
  WHERE p.pronamespace = 'pg_catalog'::regnamespace
  GROUP BY p.proname
  HAVING count(*) FILTER (
    WHERE 'internal'::regtype = ANY (p.proargtypes::oid[]) OR 'cstring'::regtype = ANY (p.proargtypes::oid[])
      OR p.prorettype IN ('internal'::regtype, 'cstring'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)
      OR p.prorettype::regtype::text LIKE '%handler'
  ) = 0
  AND bool_and(p.provolatile <> 'v' OR p.proname ~ $1)
  AND NOT p.proname ~ $2
  AND NOT bool_and(
    -- nobody calls what stands behind an operator, an index or an aggregate by its own name
    COALESCE(obj_description(p.oid, 'pg_proc'), '') ~ '^(implementation of .* operator|less-equal-greater|larger of two|smaller of two|aggregate (transition|final|serial|deserial|combine)|I/O|hash)'
    OR p.oid IN (SELECT amproc FROM pg_amproc)
    OR p.proname ~ 'send$')`;

const allowed = new Set<string>();
const refused = new Set<string>();
const keywords = new Set<string>();
for (const major of MAJORS) {
  const server = await launchPostgres({ native: nativeDir(major) });
  const client = new pg.Client({ connectionString: server.url() });
  await client.connect();
  try {
    const { rows } = await client.query(FUNCTIONS, [HARMLESS_VOLATILE.source, RUN_SQL.source]);
    const here = new Set<string>(rows.map((row) => row.name));
    const all = await client.query(
      `SELECT DISTINCT proname AS name FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace`,
    );
    for (const { name } of all.rows) (here.has(name) ? allowed : refused).add(name);
    const words = await client.query(`SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'C')`);
    for (const { word } of words.rows) keywords.add(word);
  } finally {
    await client.end();
    await server.stop();
  }
}
// A name counts only if all its overloads, in every version that has it, do.
for (const name of refused) allowed.delete(name);

function list(names: Set<string>): string {
  const lines: string[] = [];
  let line = ' ';
  for (const name of [...names].sort()) {
    if (line.length + name.length > 108) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${name}`;
  }
  return [...lines, line].join('\n');
}

const target = path.join(
  path.dirname(fileURLToPath(import.meta.url)),
  '../src/statement/read-only-functions.ts',
);
fs.writeFileSync(
  target,
  `// Written by scripts/list-read-only-functions.mts from the catalogs of PostgreSQL ${MAJORS[0]} to ${MAJORS.at(-1)}.

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\\s+/));

/**
 * Names in \`pg_catalog\` of which no overload, in any version that has it, writes rows, emits a message or runs SQL
 * that it is given. Not here although they write no table's rows: what writes sequences and large objects.
 */
export const readOnlyFunctions: ReadonlySet<string> = words(\`
${list(allowed)}
\`);

/** Keywords that can't be the name of a function unless quoted (reserved, or able to be a column's name only), in any version. */
export const notFunctionKeywords: ReadonlySet<string> = words(\`
${list(keywords)}
\`);
`,
);
execFileSync('npx', ['biome', 'check', '--write', target], { stdio: 'inherit' });
console.error(`${allowed.size} functions, ${keywords.size} keywords`);
