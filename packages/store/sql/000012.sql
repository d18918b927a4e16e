-- What ALTER DEFAULT PRIVILEGES gave others on a store made before version 9, beyond what that took back: functions that let
-- records go, INSERT, sequences, and the making of relations beside the store's own. Who reads still may.
DO $$
DECLARE
  given record;
BEGIN
  FOR given IN
    WITH by_default AS (
      SELECT d.defaclobjtype AS kind, a.grantee
      FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a
      WHERE d.defaclrole = (SELECT n.nspowner FROM pg_namespace n WHERE n.nspname = 'colophon')
        AND d.defaclnamespace IN (0, 'colophon'::regnamespace) AND a.grantee <> d.defaclrole
    )
    SELECT 'FUNCTION ' || p.oid::regprocedure AS object, a.grantee, 'EXECUTE' AS privileges
    FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a
    WHERE p.pronamespace = 'colophon'::regnamespace AND a.grantee <> p.proowner
      AND (a.grantee, 'f'::"char") IN (SELECT b.grantee, b.kind FROM by_default b)
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, a.grantee,
      string_agg(DISTINCT a.privilege_type, ', ')
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE c.relnamespace = 'colophon'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') AND a.grantee <> c.relowner
      AND a.privilege_type <> 'SELECT'
      AND (a.grantee, CASE c.relkind WHEN 'S' THEN 'S' ELSE 'r' END::"char") IN (SELECT b.grantee, b.kind FROM by_default b)
    GROUP BY c.oid, c.relkind, a.grantee
    UNION ALL
    SELECT 'SCHEMA colophon', a.grantee, 'CREATE'
    FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
    WHERE n.nspname = 'colophon' AND a.grantee <> n.nspowner AND a.privilege_type = 'CREATE'
  LOOP
    EXECUTE format('REVOKE %s ON %s FROM %s CASCADE', given.privileges, given.object,
      CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END);
  END LOOP;
END
$$;
