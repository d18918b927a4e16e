import { quoteLiteral } from '@colophon/protocol';
import { DDL_SCHEMA_SQL, DROP_DDL_SCHEMA_SQL } from '../ddl-triggers.js';
import { INIT_MARK } from '../names.js';
import type { Step } from '../plan.js';

/** The event trigger that tracks new tables. Behind `colophon_ddl` in the order of names: the command is recorded before what it leads to. */
export const TRACK_TRIGGER = 'colophon_track';

/** Lets the event trigger do nothing for the rest of the session. */
export const WITHOUT_TRACKING = "SET colophon.is_tracking = 'on'";

/** The commands after which there may be a new table, or one that can be tracked now. */
export const TRACK_TAGS: readonly string[] = [
  'ALTER TABLE',
  'CREATE SCHEMA',
  'CREATE TABLE',
  'CREATE TABLE AS',
  'SELECT INTO',
];

/**
 * The function's body. It runs inside the command's own transaction, as the role that made it, and may never fail: a table
 * that it can't track is left to `colophon run`, which looks for such tables. What is tracked is said by the comments of
 * Colophon's publications, where they are of this database.
 *
 * It waits for nobody: since PostgreSQL 15 a publication is locked up to the transaction's end by whoever adds a table, and
 * to wait for that lock could make a deadlock of what was none. So only one transaction at a time tracks, told by an
 * advisory lock that is tried for half a second. Identities are only changed where the command has locked the table anyway.
 */
export const TRACK_FUNCTION_BODY: string = `
  DECLARE
    touched oid[];
    publication record;
    relation record;
    leaf record;
    names text[];
    tries int;
  BEGIN
    -- What it does itself comes here too, and what init does.
    IF current_setting('colophon.is_tracking', true) = 'on' THEN
      RETURN;
    END IF;
    SELECT array_agg(DISTINCT d.objid) INTO touched FROM pg_event_trigger_ddl_commands() d
      WHERE d.classid = 'pg_class'::regclass AND NOT d.in_extension AND d.object_type ~ 'table';
    IF touched IS NULL THEN
      RETURN;
    END IF;
    PERFORM set_config('colophon.is_tracking', 'on', true);
    FOR publication IN
      SELECT p.oid, p.pubname, k.memory -> 'newTables' AS wish FROM pg_publication p
        CROSS JOIN LATERAL (SELECT obj_description(p.oid, 'pg_publication') AS comment) c
        CROSS JOIN LATERAL (SELECT CASE WHEN starts_with(c.comment, ${quoteLiteral(INIT_MARK)}) AND c.comment ~ '"policy":"auto"'
          THEN substr(c.comment, ${INIT_MARK.length + 1})::jsonb END AS memory) k
      WHERE k.memory #>> '{newTables,policy}' = 'auto'
        AND k.memory ->> 'systemIdentifier' = (SELECT system_identifier::text FROM pg_control_system())
        AND (k.memory ->> 'databaseOid')::oid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    LOOP
      FOR relation IN
        SELECT c.oid, r.oid AS root, r.relkind AS root_kind, format('%I.%I', n.nspname, r.relname) AS root_name,
          EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid) AS has_key,
          EXISTS (SELECT FROM pg_publication_rel l WHERE l.prpubid = publication.oid AND l.prrelid IN (
            SELECT r.oid UNION SELECT a.relid FROM pg_partition_ancestors(c.oid) a)) AS is_given
        FROM pg_class c JOIN pg_class r ON r.oid = coalesce(pg_partition_root(c.oid), c.oid)
          JOIN pg_namespace n ON n.oid = r.relnamespace
        WHERE c.oid = ANY (touched) AND c.relkind IN ('r', 'p') AND r.relpersistence = 'p'
          AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <> 'colophon'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid
            AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
          AND (EXISTS (SELECT FROM pg_publication_rel l WHERE l.prpubid = publication.oid AND l.prrelid = r.oid)
            OR NOT EXISTS (SELECT FROM jsonb_array_elements(publication.wish -> 'skipped') s WHERE (s ->> 'oid')::oid IN (c.oid, r.oid))
              AND EXISTS (SELECT FROM jsonb_array_elements(publication.wish -> 'scope') s WHERE NOT (s ->> 'isExclusion')::boolean
                AND n.nspname::text LIKE s ->> 'schemaLike' AND r.relname::text LIKE s ->> 'nameLike')
              AND NOT EXISTS (SELECT FROM jsonb_array_elements(publication.wish -> 'scope') s WHERE (s ->> 'isExclusion')::boolean
                AND n.nspname::text LIKE s ->> 'schemaLike' AND r.relname::text LIKE s ->> 'nameLike'))
        ORDER BY c.oid
      LOOP
        BEGIN
          names := '{}';
          FOR leaf IN
            SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name,
              c.relreplident = 'd' AND publication.wish ->> 'identity' = 'full' AND NOT v.virtual AS is_to_change,
              CASE WHEN publication.wish ->> 'identity' = 'full' AND NOT v.virtual THEN c.relreplident IN ('d', 'f')
                ELSE c.relreplident = 'd' AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary
                    AND i.indimmediate AND i.indisvalid) OR c.relreplident = 'f' AND NOT v.virtual END AS is_usable,
              EXISTS (SELECT FROM pg_publication_rel l WHERE l.prpubid = publication.oid AND l.prrelid = c.oid) AS is_given
            FROM (SELECT relation.oid AS id WHERE NOT EXISTS (SELECT FROM pg_partition_tree(relation.oid))
                  UNION SELECT t.relid FROM pg_partition_tree(relation.oid) t WHERE t.isleaf) leaves
              JOIN pg_class c ON c.oid = leaves.id AND c.relkind = 'r' AND c.relpersistence = 'p'
              JOIN pg_namespace n ON n.oid = c.relnamespace
              CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
                AND NOT a.attisdropped AND a.attgenerated = 'v') AS virtual) v
            WHERE EXISTS (SELECT FROM pg_locks k WHERE k.pid = pg_backend_pid() AND k.locktype = 'relation' AND k.relation = c.oid
              AND k.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
              AND k.mode = 'AccessExclusiveLock' AND k.granted)
              AND NOT EXISTS (SELECT FROM jsonb_array_elements(publication.wish -> 'skipped') s WHERE (s ->> 'oid')::oid = c.oid)
            ORDER BY c.oid
          LOOP
            CONTINUE WHEN leaf.is_given;
            IF NOT leaf.is_usable THEN
              RAISE EXCEPTION 'no usable replica identity';
            END IF;
            IF leaf.is_to_change THEN
              EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', leaf.name);
            END IF;
            IF relation.root_kind = 'p' AND (relation.has_key OR relation.is_given) THEN
              CONTINUE;
            END IF;
            names := names || leaf.name;
          END LOOP;
          IF relation.root_kind = 'p' AND relation.has_key AND NOT relation.is_given THEN
            -- The others have to be fit, too.
            IF EXISTS (SELECT FROM pg_partition_tree(relation.root) t JOIN pg_class c ON c.oid = t.relid
                WHERE t.isleaf AND c.relkind = 'r' AND c.relpersistence = 'p' AND c.relreplident NOT IN ('d', 'f')) THEN
              RAISE EXCEPTION 'no usable replica identity';
            END IF;
            names := names || relation.root_name;
          END IF;
          CONTINUE WHEN names = '{}';
          IF current_setting('server_version_num')::int >= 150000 THEN
            tries := CASE WHEN current_setting('colophon.has_waited', true) = 'on' THEN 1 ELSE 25 END;
            WHILE NOT pg_try_advisory_xact_lock(hashtext('colophon.track'), (publication.oid::bigint - 2147483648)::int) LOOP
              tries := tries - 1;
              IF tries = 0 THEN
                RAISE EXCEPTION USING ERRCODE = 'lock_not_available';
              END IF;
              PERFORM pg_sleep(0.02);
            END LOOP;
          END IF;
          EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', publication.pubname, array_to_string(names, ', ONLY '));
        EXCEPTION
          WHEN lock_not_available THEN
            -- Once a transaction is enough.
            PERFORM set_config('colophon.has_waited', 'on', true);
          WHEN OTHERS THEN
            NULL;
        END;
      END LOOP;
    END LOOP;
    PERFORM set_config('colophon.is_tracking', '', true);
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END
`;

/** How new tables are tracked at the source. */
export interface TrackState {
  /** Whether function and trigger stand as this version makes them. */
  readonly isCurrent: boolean;
  /** Whether anything of them is there. */
  readonly isThere: boolean;
  /** Whether the role may replace and remove what is there. */
  readonly isOwned: boolean;
  /** Other publications of Colophon's in this database that have new tables tracked. */
  readonly others: readonly string[];
}

/** What is said where the role can't have new tables tracked at once. */
export function notTrackedAtOnce(role: string): string {
  return `New tables are tracked by colophon run, which looks for them now and then: role ${role} may not create event triggers, by which they would be tracked at once.`;
}

/** The step that makes function and trigger, or brings them up to date. Where the server refuses it, the rest goes on. */
export function createTrackStep(role: string): Step {
  const tags = TRACK_TAGS.map(quoteLiteral).join(', ');
  const made = step(
    `${DDL_SCHEMA_SQL};
     CREATE OR REPLACE FUNCTION colophon.track_new_tables() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
       SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $track$${TRACK_FUNCTION_BODY}$track$;
     DROP EVENT TRIGGER IF EXISTS ${TRACK_TRIGGER};
     CREATE EVENT TRIGGER ${TRACK_TRIGGER} ON ddl_command_end WHEN TAG IN (${tags}) EXECUTE FUNCTION colophon.track_new_tables();
     ALTER EVENT TRIGGER ${TRACK_TRIGGER} ENABLE ALWAYS`,
    'made, new tables are tracked from here on',
  );
  return { ...made, ifRefused: notTrackedAtOnce(role) };
}

/** The step that removes them, and the schema where it was made for event triggers and holds nothing else. */
export function dropTrackStep(): Step {
  return step(
    `DROP EVENT TRIGGER IF EXISTS ${TRACK_TRIGGER}; DROP FUNCTION IF EXISTS colophon.track_new_tables();
     ${DROP_DDL_SCHEMA_SQL}`,
    'dropped, new tables are no longer tracked',
  );
}

function step(sql: string, reason: string): Step {
  return { kind: 'track', sql, reason, table: null, group: null };
}
