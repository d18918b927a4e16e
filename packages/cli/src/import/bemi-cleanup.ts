import { quoteLiteral } from '@colophon/protocol';
import type { Connection } from '@colophon/setup';

/** Bemi's name for its publication and its slot. */
const NAME = 'bemi';

const EVENT_TRIGGERS = `SELECT format('DROP EVENT TRIGGER %I', evtname) AS sql
 FROM pg_catalog.pg_event_trigger WHERE evtname LIKE '\\_bemi\\_%' ORDER BY 1`;
const TRIGGERS = `SELECT format('DROP TRIGGER %I ON %I.%I', t.tgname, n.nspname, c.relname) AS sql
 FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
 WHERE p.proname LIKE '\\_bemi\\_%' AND NOT t.tgisinternal AND t.tgparentid = 0 ORDER BY 1`;
const ROUTINES = `SELECT format('DROP %s %I.%I(%s)', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
   n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) AS sql
 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE p.proname LIKE '\\_bemi\\_%' ORDER BY 1`;
const PUBLICATION = `SELECT format('DROP PUBLICATION %I', pubname) AS sql
 FROM pg_catalog.pg_publication WHERE pubname = $1`;
const SLOT = `SELECT active FROM pg_catalog.pg_replication_slots
 WHERE slot_name = $1 AND database = current_database()`;

/**
 * The SQL that takes from the source what Bemi has put there, as far as it is there: nothing else. Tables are locked for a
 * moment each; whoever holds one up makes the statement fail, to be run again. Replica identities stay: Colophon needs them.
 */
export async function bemiCleanup(connection: Connection): Promise<string[]> {
  const lines: string[] = [];
  const add = async (why: string, query: string, values: unknown[] = []) => {
    const rows = await connection.query<{ sql: string }>(query, values);
    if (rows.length > 0) lines.push(`-- ${why}`, ...rows.map(({ sql }) => `${sql};`));
  };
  await add('What put triggers on new tables.', EVENT_TRIGGERS);
  await add('What told the context of each row.', TRIGGERS);
  await add('Their functions.', ROUTINES);
  await add("The list of tables that Bemi's worker reads.", PUBLICATION, [NAME]);
  const [slot] = await connection.query<{ active: boolean }>(SLOT, [NAME]);
  if (slot !== undefined) {
    const active = slot.active ? ' It is being read: stop the worker first.' : '';
    lines.push(
      `-- Its place in the log, for which the server keeps all that is not read.${active}`,
      `SELECT pg_drop_replication_slot(${quoteLiteral(NAME)});`,
    );
  }
  return lines.length === 0 ? [] : [`SET lock_timeout = ${quoteLiteral('2s')};`, ...lines];
}
