import type * as Prompts from '@clack/prompts';
import { ColophonError } from '@colophon/protocol';
import { displayTable, formatBytes, type ListedTable, type NewTablesPolicy } from '@colophon/setup';
import type { CommandContext } from './command-context.js';
import { truncate, visible } from './render/display-text.js';

const LABEL_WIDTH = 36;
const SHOWN_TABLES = 12;

/** Asks which tables are to be tracked: all there are, those that are tracked chosen already, those that can't be with the reason. */
export async function askTables(
  context: CommandContext<unknown>,
  tables: readonly ListedTable[],
  sizes: ReadonlyMap<number, number>,
): Promise<readonly ListedTable[]> {
  if (!tables.some(({ obstacle }) => obstacle === null)) return [];
  const prompts = await load();
  const width = Math.min(LABEL_WIDTH, Math.max(12, context.terminal.columns - 44));
  const options = tables.map((table) => ({
    value: table.relation.oid,
    label: `${truncate(visible(displayTable(table.relation)), width)} (${factsOf(table, sizes)})`,
    disabled: table.obstacle !== null,
  }));
  const oids = new Set(
    answered(
      await prompts.multiselect({
        message: 'Which tables are to be tracked? Space chooses, a chooses all, Enter goes on.',
        options,
        initialValues: tables.filter(({ tracked }) => tracked !== 'no').map(({ relation }) => relation.oid),
        maxItems: SHOWN_TABLES,
        required: true,
        showInstructions: false,
        ...streams(context),
      }),
      prompts,
    ),
  );
  for (const { obstacle } of tables) {
    if (obstacle !== null) context.terminal.talk(`! ${visible(obstacle)}`);
  }
  return tables.filter(({ relation }) => oids.has(relation.oid));
}

/** Asks what becomes of tables that are made later. */
export async function askNewTables(context: CommandContext<unknown>): Promise<NewTablesPolicy> {
  const prompts = await load();
  return answered(
    await prompts.select<NewTablesPolicy>({
      message: 'Tables that are made later?',
      options: [
        { value: 'manual', label: 'are tracked when you say so', hint: 'colophon tables track' },
        { value: 'auto', label: 'are tracked automatically' },
      ],
      initialValue: 'manual',
      showInstructions: false,
      ...streams(context),
    }),
    prompts,
  );
}

function factsOf(
  { relation, leaves, tracked, obstacle, identity }: ListedTable,
  sizes: ReadonlyMap<number, number>,
): string {
  if (obstacle !== null) return "can't be tracked";
  const bytes = leaves.reduce((sum, { oid }) => sum + (sizes.get(oid) ?? 0), 0);
  const parts = [formatBytes(bytes), `identity ${identity.toUpperCase()}`];
  if (relation.kind === 'partitioned table') parts.unshift(`${leaves.length} partitions`);
  if (tracked !== 'no') parts.push(tracked === 'yes' ? 'tracked' : 'partly tracked');
  return parts.join(', ');
}

/** Talk goes to stderr, questions too. */
function streams({ interrupted }: CommandContext<unknown>): Prompts.CommonOptions {
  return { input: process.stdin, output: process.stderr, signal: interrupted, withGuide: false };
}

/** The answer. Throws `INVALID_OPTION` where there is none: Ctrl-C, or a signal. */
function answered<T>(answer: T, { isCancel }: typeof Prompts): Exclude<T, symbol> {
  if (!isCancel(answer)) return answer as Exclude<T, symbol>;
  throw new ColophonError('INVALID_OPTION', 'Not confirmed: nothing was changed.');
}

/** Loaded where somebody is asked, and only there. */
function load(): Promise<typeof Prompts> {
  return import('@clack/prompts');
}
