import { ColophonError } from '@colophon/protocol';
import {
  CHECK_GROUP_NAMES,
  type Check,
  type Connection,
  type Deadline,
  examineSource,
  explainUnreachable,
} from '@colophon/setup';
import { type CommandContext, deadlineOf, sourceNames, withSource } from '../command-context.js';
import { diagnoseColumns } from '../diagnose/diagnose-columns.js';
import { diagnoseRedaction, diagnoseSignature } from '../diagnose/diagnose-protection.js';
import { diagnoseStore } from '../diagnose/diagnose-store.js';
import { fetchRedaction, fetchSignature } from '../protection.js';
import { renderReport } from '../render/checks.js';
import { sourceUrl } from '../settings.js';

/** `doctor`'s own flags. */
export interface DoctorFlags {
  json?: boolean;
}

/** Looks at everything that auditing needs, says what is wrong and what to do; changes nothing. Fails where a check does. */
export async function doctor(context: CommandContext<DoctorFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const deadline = deadlineOf(settings, context.interrupted);
  const checks = inGroups(await examine(context, deadline));
  // What was broken off looks like what is out of reach.
  deadline.check();
  await terminal.out(
    flags.json === true
      ? `${checks.map((check) => JSON.stringify(check)).join('\n')}\n`
      : renderReport(checks, terminal.columns, terminal.colors),
  );
  const failed = checks.filter((check) => check.verdict === 'fail');
  const first = failed[0];
  if (first === undefined) return;
  const others = failed.length === 1 ? '' : ` (and ${failed.length - 1} more, above)`;
  throw new ColophonError(
    first.code ?? 'SOURCE_CHANGED',
    `${first.name}: ${first.message}${first.remedy === null ? '' : `: ${first.remedy}`}${others}.`,
  );
}

async function examine(context: CommandContext<DoctorFlags>, deadline: Deadline): Promise<Check[]> {
  const { settings, terminal } = context;
  const redaction = fetchRedaction(settings, process.env, terminal.hide);
  const signature = fetchSignature(settings.signature, process.env, terminal.hide);
  const wish = { ...settings, names: sourceNames(settings) };
  try {
    return await withSource(settings, deadline, async (connection: Connection) => {
      const examination = await examineSource(connection, sourceUrl(settings), wish, deadline);
      return [
        ...examination.checks,
        ...(await diagnoseRedaction(redaction, connection)),
        ...(await diagnoseColumns(redaction, settings.publication, connection)),
        ...(await diagnoseStore(settings, deadline, examination)),
        ...diagnoseSignature(signature),
      ];
    });
  } catch (error) {
    if (!(error instanceof ColophonError) || error.code === 'INVALID_OPTION') throw error;
    return explainUnreachable(sourceUrl(settings), error, deadline);
  }
}

/** In the groups' order; within each as they were looked at. */
function inGroups(checks: readonly Check[]): Check[] {
  return CHECK_GROUP_NAMES.flatMap((group) => checks.filter((check) => check.group === group));
}
