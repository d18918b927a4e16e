import { ColophonError } from '@colophon/protocol';
import { type Check, type Connection, diagnose, failedCheck, inspectSource, ok } from '@colophon/setup';
import { type CommandContext, deadlineOf, sourceNames, withSource } from '../command-context.js';
import { diagnoseColumns } from '../diagnose-columns.js';
import { diagnoseRedaction, diagnoseSignature } from '../diagnose-protection.js';
import { diagnoseStore } from '../diagnose-store.js';
import { fetchRedaction, fetchSignature } from '../protection.js';
import { renderChecks } from '../render/checks.js';

/** `doctor`'s own flags. */
export interface DoctorFlags {
  json?: boolean;
}

/** Looks at everything that auditing needs, says what is wrong and what to do; changes nothing. Fails where a check does. */
export async function doctor(context: CommandContext<DoctorFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const deadline = deadlineOf(settings);
  const names = sourceNames(settings);
  const redaction = fetchRedaction(settings, process.env, terminal.hide);
  const signature = fetchSignature(settings.signature, process.env, terminal.hide);
  const checks: Check[] = [];
  let failure: ColophonError | undefined;
  try {
    await withSource(settings, deadline, async (connection: Connection) => {
      const state = await inspectSource(connection, names);
      checks.push(ok('source', `reached ${connection.target}`));
      checks.push(...diagnose(state, names, settings.ddl));
      checks.push(
        ...(await diagnoseRedaction(redaction, connection)),
        ...(await diagnoseColumns(redaction, names.publication, connection)),
        ...diagnoseSignature(signature),
      );
      checks.push(...(await diagnoseStore(settings, deadline, state)));
    });
  } catch (error) {
    if (!(error instanceof ColophonError) || error.code === 'INVALID_OPTION') throw error;
    failure = error;
    checks.push(failedCheck('source', error));
  }
  await terminal.out(
    flags.json === true
      ? `${checks.map((check) => JSON.stringify(check)).join('\n')}\n`
      : renderChecks(checks, terminal.columns, terminal.colors),
  );
  const failed = checks.filter((check) => check.verdict === 'fail');
  if (failed.length === 0) return;
  if (failure !== undefined) throw failure;
  const first = failed[0]!;
  const others = failed.length === 1 ? '' : ` (and ${failed.length - 1} more, above)`;
  throw new ColophonError(
    first.code ?? 'SOURCE_CHANGED',
    `${first.name}: ${first.message}${first.remedy === null ? '' : `: ${first.remedy}`}${others}.`,
  );
}
