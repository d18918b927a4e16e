import { quoteLiteral } from '@colophon/protocol';
import type { Step } from './plan.js';

/** What marks a schema at the source that `init` made for its function alone. */
const SCHEMA_MARK = 'Made by colophon init for its event triggers.';

/** Makes the schema for the event triggers' functions, where there is no store. */
export const DDL_SCHEMA_SQL: string = `DO $do$ BEGIN
       IF to_regnamespace('colophon') IS NULL THEN
         CREATE SCHEMA colophon;
         COMMENT ON SCHEMA colophon IS ${quoteLiteral(SCHEMA_MARK)};
       END IF;
     END $do$`;

/** Removes it, where it was made for them and holds nothing else. */
export const DROP_DDL_SCHEMA_SQL: string = `DO $do$ BEGIN
       IF obj_description(to_regnamespace('colophon'), 'pg_namespace') = ${quoteLiteral(SCHEMA_MARK)}
          AND NOT EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass
                          AND refobjid = to_regnamespace('colophon')) THEN
         DROP SCHEMA colophon;
       END IF;
     END $do$`;

/** The two event triggers, by the event at which they run. */
export const DDL_TRIGGERS = { colophon_ddl: 'ddl_command_end', colophon_ddl_drop: 'sql_drop' } as const;

/**
 * The function's body. It runs inside the command's own transaction, as the role that made it (whoever alters a table
 * needs no right of ours), and may never fail: what goes wrong is told in a message of its own, else not at all. The text of
 * the command is left out: it may hold values and passwords. The content is UTF-8 whatever the database's encoding is.
 *
 * Left out: temporary objects, schema `colophon`, what an extension brings with it, REINDEX and REFRESH (no change of
 * the schema), and of what is dropped along with something else all but tables, columns and publications' tables.
 */
export const DDL_FUNCTION_BODY = `
  DECLARE
    item record;
  BEGIN
    IF tg_tag ~ '^(REINDEX|REFRESH)' THEN
      RETURN;
    END IF;
    IF tg_event = 'sql_drop' THEN
      FOR item IN
        SELECT jsonb_build_object('command', tg_tag, 'type', d.object_type, 'schema', d.schema_name,
            'identity', d.object_identity, 'dropped', true, 'role', session_user,
            'publication', CASE d.object_type
              WHEN 'publication relation' THEN jsonb_build_object('name', d.address_args[1],
                'of', format('%I.%I', d.address_names[1], d.address_names[2]), 'whole', false,
                'approved', nullif(current_setting('colophon.approved_by', true), ''))
              WHEN 'publication' THEN jsonb_build_object('name', d.object_name, 'whole', false) END,
            'table', CASE WHEN d.classid = 'pg_class'::regclass AND d.object_type ~ 'table' THEN d.objid::bigint END) AS said
        FROM pg_event_trigger_dropped_objects() d
        WHERE NOT d.is_temporary
          AND (d.original OR d.object_type IN ('table', 'table column')
            -- A table that is gone itself has no changes that could be missed.
            OR d.object_type = 'publication relation' AND tg_tag ~ 'PUBLICATION')
          AND coalesce(d.schema_name, '') <> 'colophon'
          AND NOT (d.object_type = 'schema' AND d.object_name = 'colophon')
      LOOP
        PERFORM pg_logical_emit_message(true, 'colophon.ddl', convert_to(item.said::text, 'UTF8'));
      END LOOP;
    ELSE
      FOR item IN
        SELECT jsonb_build_object('command', d.command_tag, 'type', d.object_type, 'schema', d.schema_name,
            'identity', d.object_identity, 'role', session_user,
            'publication', CASE d.classid
              WHEN 'pg_publication_rel'::regclass THEN (
                SELECT jsonb_build_object('name', p.pubname, 'of', format('%I.%I', n.nspname, c.relname), 'whole',
                  to_jsonb(r) -> 'prqual' IS NOT DISTINCT FROM 'null' AND to_jsonb(r) -> 'prattrs' IS NOT DISTINCT FROM 'null'
                  OR NOT to_jsonb(r) ? 'prqual')
                FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid JOIN pg_class c ON c.oid = r.prrelid
                  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE r.oid = d.objid)
              WHEN 'pg_publication'::regclass THEN (
                SELECT jsonb_build_object('name', p.pubname, 'whole',
                  p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT p.pubviaroot)
                FROM pg_publication p WHERE p.oid = d.objid) END,
            'table', CASE WHEN d.classid = 'pg_publication_rel'::regclass
                THEN (SELECT r.prrelid::bigint FROM pg_publication_rel r WHERE r.oid = d.objid)
              WHEN d.classid = 'pg_class'::regclass AND d.object_type ~ 'table' THEN d.objid::bigint END) AS said
        FROM pg_event_trigger_ddl_commands() d
        WHERE NOT d.in_extension AND coalesce(d.schema_name, '') !~ '^(colophon$|pg_temp)'
          AND NOT (d.object_type = 'schema' AND d.object_identity = 'colophon')
      LOOP
        PERFORM pg_logical_emit_message(true, 'colophon.ddl', convert_to(item.said::text, 'UTF8'));
      END LOOP;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    BEGIN
      PERFORM pg_logical_emit_message(true, 'colophon.ddl', convert_to(
        jsonb_build_object('command', tg_tag, 'type', 'not known: ' || sqlstate, 'role', session_user)::text, 'UTF8'));
    EXCEPTION WHEN OTHERS THEN
      NULL;
    END;
  END
`;

/** Whether DDL is recorded at the source. */
export interface DdlState {
  /** Whether function and triggers stand as this version makes them. */
  readonly isCurrent: boolean;
  /** Whether anything of them is there. */
  readonly isThere: boolean;
  /** Whether the role may make event triggers: a superuser, or what a provider puts in its place. */
  readonly mayCreate: boolean;
  /** Whether the role may replace and remove what is there. */
  readonly isOwned: boolean;
  /** Other publications of Colophon's in this database: the triggers serve them too. */
  readonly others: readonly string[];
}

/** What is said where the role can't have DDL recorded. */
export function ddlNotRecorded(role: string): string {
  return `DDL is not recorded, since role ${role} may not create event triggers: run init once as a superuser to have it, or give --no-ddl.`;
}

/**
 * The step that makes function and triggers, or brings them up to date. Where the server refuses it, the rest goes on: by
 * what a provider calls its roles it can't be told for certain who may.
 */
export function createDdlStep(role: string): Step {
  const triggers = Object.entries(DDL_TRIGGERS).map(
    ([name, event]) =>
      `DROP EVENT TRIGGER IF EXISTS ${name}; CREATE EVENT TRIGGER ${name} ON ${event} EXECUTE FUNCTION colophon.record_ddl();
       ALTER EVENT TRIGGER ${name} ENABLE ALWAYS`,
  );
  // A session that replicates must tell, too: hence ALWAYS.
  const made = step(
    `${DDL_SCHEMA_SQL};
     CREATE OR REPLACE FUNCTION colophon.record_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
       SET search_path = pg_catalog, pg_temp AS $ddl$${DDL_FUNCTION_BODY}$ddl$;
     ${triggers.join('; ')}`,
    'made, DDL is recorded from here on',
  );
  return { ...made, ifRefused: ddlNotRecorded(role) };
}

/** The step that removes them, and the schema where it was made for them and holds nothing else. */
export function dropDdlStep(): Step {
  const triggers = Object.keys(DDL_TRIGGERS).map((name) => `DROP EVENT TRIGGER IF EXISTS ${name}`);
  return step(
    `${triggers.join('; ')}; DROP FUNCTION IF EXISTS colophon.record_ddl();
     ${DROP_DDL_SCHEMA_SQL}`,
    'dropped, DDL is no longer recorded',
  );
}

function step(sql: string, reason: string): Step {
  return { kind: 'ddl', sql, reason, table: null, group: null };
}
