import { redactionProblems, redactorsOf, type SignatureOptions } from '@colophon/core';
import { type Check, type Connection, found, inWords, ok } from '@colophon/setup';
import type { Redaction } from '../protection.js';

/** Holds the redaction rules, by name and by pattern, against the source's catalog. Nothing where there are none. Throws `INVALID_OPTION`. */
export async function diagnoseRedaction(
  redaction: Redaction | undefined,
  connection: Connection,
): Promise<Check[]> {
  if (redaction === undefined) return [];
  const { rules, columns } = redaction;
  const { tables } = redactorsOf(rules, columns);
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
  } else if (Object.keys(rules).length === 0) return [];
  const count = tables?.rules.length ?? 0;
  return [ok('redaction', `${count} column rules, ${Object.keys(rules.context ?? {}).length} context rules`)];
}

/** Says which keys of signatures are accepted. Nothing where no signature is asked for. */
export function diagnoseSignature(signature: SignatureOptions | undefined): Check[] {
  if (signature === undefined) return [];
  return [ok('signature', `asked for, accepted keys: ${signature.keys.map(({ id }) => id).join(', ')}`)];
}
