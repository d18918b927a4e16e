import type { WireShape } from './emission-shape.js';
import type { Emission } from './transaction-state.js';

/**
 * How an emission is asked for.
 * `asking`: first finds out whether the right is there, and can't fail for want of it: the inner statement is only looked at when it is run. About 0.1 ms dearer.
 * `plain`: for who knows that the right is there. Also says which process answers.
 * `named`: the cheapest, prepared once a connection, for autocommit statements only. Its lead gives no row: nobody has to be told that it was
 * made where the transaction ends with the statement, and a row costs both sides (2 µs of 8 that an emission adds on the wire).
 */
export type EmissionForm = 'asking' | 'plain' | 'named';

// On a hot standby an unconditional emission would fail and hide the application's own error.
const WHERE_ALLOWED = 'NOT pg_catalog.pg_is_in_recovery()';
const WHERE_ASSIGNED = 'pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL';
const PARAMETERS = '$1,$2';

/** The statement of an emission. Its arguments: `$1` the prefix, `$2` the context, or literals of theirs. */
export function emissionSql(
  form: EmissionForm,
  onlyIfAssigned: boolean,
  values: string = PARAMETERS,
  column = 'emission',
): string {
  const condition = onlyIfAssigned ? WHERE_ASSIGNED : WHERE_ALLOWED;
  if (form === 'named' && !onlyIfAssigned) {
    return `SELECT WHERE ${condition} AND pg_catalog.pg_logical_emit_message(true,${values}) IS NULL`;
  }
  if (form !== 'asking') {
    const processId = form === 'plain' ? ',pg_catalog.pg_backend_pid()' : '';
    return `SELECT pg_catalog.pg_logical_emit_message(true,${values}) AS "${column}"${processId} WHERE ${condition}`;
  }
  return (
    `SELECT granted AS "${column}",CASE WHEN granted AND ${condition} THEN pg_catalog.query_to_xml(pg_catalog.format(` +
    `'SELECT pg_catalog.pg_logical_emit_message(true,%L,%L)',${values}),false,false,'') IS NOT NULL END,` +
    `pg_catalog.pg_backend_pid() FROM (SELECT pg_catalog.bool_or(pg_catalog.has_function_privilege(p.oid,'EXECUTE')) AS granted ` +
    `FROM pg_catalog.pg_proc p WHERE p.proname='pg_logical_emit_message' ` +
    `AND p.pronamespace='pg_catalog'::pg_catalog.regnamespace AND p.proargtypes[2]='pg_catalog.text'::pg_catalog.regtype) AS q`
  );
}

/** An emission as SQL text, values as literals: for the simple protocol, which has no parameters. `column` names its result. */
export function emissionLiteral(
  emission: Emission,
  shape: WireShape,
  form: 'asking' | 'plain',
  column: string,
): string {
  const values = `${quote(shape.prefixOf(emission))},${quote(shape.contentOf(emission))}`;
  return emissionSql(form, emission.onlyIfAssigned, values, column);
}

/** A literal that reads the same whatever `standard_conforming_strings` and `backslash_quote` say. */
function quote(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
