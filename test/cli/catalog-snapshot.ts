import pg from 'pg';

/** Runs statements on a connection of its own; gives the last one's rows. */
export async function sql(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) {
      const result: unknown = await client.query(statement);
      rows = (Array.isArray(result) ? result.at(-1) : result).rows;
    }
    return rows;
  } finally {
    await client.end();
  }
}

/**
 * Everything in the catalog that Colophon could change at a source, as text to compare; with the schema of the store, or without.
 * But for the store's owner: it is of the whole server, which other stores may share, so `drop` leaves it.
 */
export async function catalogSnapshot(
  url: string,
  part: 'all' | 'without store' = 'without store',
): Promise<string> {
  const hidden = part === 'all' ? '' : 'colophon';
  const [row] = await sql(
    url,
    `SELECT jsonb_pretty(jsonb_build_object(
       'relations', (SELECT jsonb_agg(jsonb_build_array(n.nspname, c.relname, c.relkind, c.relreplident, coalesce(c.relacl, acldefault('r', c.relowner)), c.reloptions) ORDER BY n.nspname, c.relname)
                       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '${hidden}')),
       'replica indexes', (SELECT jsonb_agg(indexrelid::regclass::text ORDER BY indexrelid) FROM pg_index WHERE indisreplident),
       'schemas', (SELECT jsonb_agg(nspname ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> '${hidden}'),
       'publications', (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.pubname) FROM pg_publication p),
       'published', (SELECT jsonb_agg(jsonb_build_array(r.prpubid, r.prrelid) ORDER BY r.prpubid, r.prrelid) FROM pg_publication_rel r),
       'comments', (SELECT jsonb_agg(jsonb_build_array(classoid::regclass, objoid, description) ORDER BY classoid, objoid) FROM pg_description WHERE objoid >= 16384 AND objoid NOT IN (SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace('${hidden || 'none'}'))),
       'triggers', (SELECT jsonb_agg(tgname ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal),
       'event triggers', (SELECT jsonb_agg(jsonb_build_array(evtname, evtevent, evtenabled) ORDER BY evtname) FROM pg_event_trigger),
       'event functions', (SELECT jsonb_agg(oid::regprocedure::text ORDER BY oid) FROM pg_proc WHERE prorettype = 'event_trigger'::regtype AND oid >= 16384),
       'roles', (SELECT jsonb_agg(rolname ORDER BY rolname) FROM pg_roles WHERE rolname <> 'colophon_owner' AND (rolname !~ '^colophon' OR '${hidden}' = '')),
       'settings', (SELECT jsonb_agg(setconfig::text) FROM pg_db_role_setting),
       'slots', (SELECT jsonb_agg(jsonb_build_array(slot_name, plugin) ORDER BY slot_name) FROM pg_replication_slots WHERE database = current_database())
     )) AS snapshot`,
  );
  return String(row?.snapshot);
}
