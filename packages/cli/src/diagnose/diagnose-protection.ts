import { type RedactionRules, redactionProblems, redactorsOf, type SignatureOptions } from '@colophon/core';
import { type Check, type Connection, found, inWords, ok } from '@colophon/setup';

/** Holds the redaction rules against the source's catalog. Nothing where there are none. Throws `INVALID_OPTION`. */
export async function diagnoseRedaction(
  rules: RedactionRules | undefined,
  connection: Connection,
): Promise<Check[]> {
  if (rules === undefined) return [];
  const { tables } = redactorsOf(rules);
  if (tables !== null) {
    const problems = await redactionProblems(
      tables,
      (text, values) => connection.query(text, values) as never,
    );
    if (problems.length > 0) {
      return [
        found(
          'redaction.impossible',
          problems.join('; '),
          inWords('put the rules right, or give mayBeMissing to what may rightly be missing'),
        ),
      ];
    }
  }
  const count = Object.values(rules.tables ?? {}).reduce(
    (sum, columns) => sum + Object.keys(columns).length,
    0,
  );
  return [ok('redaction', `${count} column rules, ${Object.keys(rules.context ?? {}).length} context rules`)];
}

/** Says which keys of signatures are accepted. Nothing where no signature is asked for. */
export function diagnoseSignature(signature: SignatureOptions | undefined): Check[] {
  if (signature === undefined) return [];
  return [ok('signature', `asked for, accepted keys: ${signature.keys.map(({ id }) => id).join(', ')}`)];
}
