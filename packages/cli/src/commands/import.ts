import { createHash } from 'node:crypto';
import { type Connection, connect, type Deadline, displayTable } from '@colophon/setup';
import { PostgresImport } from '@colophon/store';
import { type CommandContext, deadlineOf, withSource } from '../command-context.js';
import { bemiCleanup } from '../import/bemi-cleanup.js';
import { type ImportFlags, type ImportWish, importWish } from '../import/import-wish.js';
import { mapRow, type RowMapper } from '../import/map-row.js';
import { type OriginQuery, originQuery } from '../import/origin-query.js';
import { inspectOrigin, type OriginTable, sourceKeys } from '../import/origin-table.js';
import { readOrigin } from '../import/read-origin.js';
import { importRedactor } from '../import/redact-import.js';
import { type ImportResult, runImport } from '../import/run-import.js';
import { importedJsonText } from '../import/show-first.js';
import { originUrl } from '../origin-url.js';
import { fetchRedaction } from '../protection.js';
import { visible } from '../render/display-text.js';
import { storeUrl } from '../settings.js';

/** What is read, and how rows are made changes. */
interface Origin {
  readonly connection: Connection;
  readonly table: OriginTable;
  readonly query: OriginQuery;
  readonly mapper: RowMapper;
}

const DRY_RUN_ROWS = 5;

/** Takes the history of another audit trail into the store, as changes of a source of its own; goes on where it was broken off. */
export async function importChanges(context: CommandContext<ImportFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const wish = importWish(flags, new Date());
  const deadline = deadlineOf(settings);
  if (flags.printCleanup === true) return printCleanup(context, deadline);
  const url = originUrl(flags.from, process.env);
  const redact = importRedactor(fetchRedaction(settings, process.env, terminal.hide));
  const store = flags.dryRun === true ? null : storeUrl(settings);
  const connection = await connect({ url, role: 'origin', deadline });
  try {
    await connection.query(
      `SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false)`,
    );
    const table = await inspectOrigin(connection, wish.table);
    const query = originQuery(table, wish.mapping, wish.preset, wish.until);
    const catalog =
      settings.source === null
        ? new Map<string, string[]>()
        : await withSource(settings, deadline, sourceKeys);
    const mapper: RowMapper = {
      mapping: wish.mapping,
      textual: query.textual,
      database: table.database,
      origin: `${table.name.schema}.${table.name.name}`,
      keepsIds: wish.preset.keepsIds === true,
      name: settings.name,
      environment: wish.environment,
      catalog,
      redact,
    };
    const origin = { connection, table, query, mapper };
    if (store === null) await showFirst(context, origin, deadline);
    else await takeIn(context, origin, { wish, store, deadline });
  } finally {
    await connection.close();
  }
}

async function takeIn(
  { flags, terminal, interrupted }: CommandContext<ImportFlags>,
  { connection, table, query, mapper }: Origin,
  { wish, store, deadline }: { wish: ImportWish; store: string; deadline: Deadline },
): Promise<void> {
  const target = await deadline.race(
    PostgresImport.open({ url: store, origin: originText(mapper, wish), applicationName: 'colophon import' }),
    'The store',
  );
  try {
    const about = table.estimatedRows > 0 ? ` of about ${count(table.estimatedRows, 'row')}` : ' rows';
    if (target.place !== null) terminal.talk('Going on where it was broken off.');
    const place = target.place === null ? null : (JSON.parse(target.place) as string[]);
    const result = await runImport({
      pages: readOrigin(connection, deadline, query, place),
      mapper,
      target,
      deadline,
      signal: interrupted,
      maxBadRows: wish.maxBadRows,
      onBadRow: (text) => terminal.talk(visible(`! ${text}`)),
      onProgress: (read) => terminal.progress(`… ${read.toLocaleString('en')}${about}`),
    });
    terminal.progress(null);
    terminal.talk(`✓ ${visible(displayTable(table.name))}: ${resultText(result)}`);
    if (flags.kind === 'bemi') {
      terminal.talk(
        'When nothing needs Bemi any more, colophon import bemi --print-cleanup prints the SQL that takes it from the source.',
      );
    }
  } finally {
    await target.close();
  }
}

/** The same text for the same import: it then goes on where it was broken off. */
function originText({ database, origin, name, environment }: RowMapper, wish: ImportWish): string {
  const { mapping, preset, until } = wish;
  const how = createHash('sha256')
    .update(JSON.stringify([mapping, preset.order, until]))
    .digest('hex');
  return JSON.stringify({ database, table: origin, name, environment, how });
}

async function showFirst(
  { terminal }: CommandContext<ImportFlags>,
  { connection, query, mapper }: Origin,
  deadline: Deadline,
): Promise<void> {
  const pages = readOrigin(connection, deadline, query, null);
  const { value: rows } = await pages.next();
  let shown = 0;
  for (const row of rows ?? []) {
    if (shown === DRY_RUN_ROWS) break;
    const mapped = mapRow(row, mapper);
    if (mapped.kind === 'other') continue;
    shown++;
    if (mapped.kind === 'change') await terminal.out(`${importedJsonText(mapped.change)}\n`);
    else terminal.talk(visible(`! Row ${row.id} can't be imported: ${mapped.reason}`));
  }
  terminal.talk(shown === 0 ? 'There is nothing to import.' : 'Nothing was stored.');
}

async function printCleanup(context: CommandContext<ImportFlags>, deadline: Deadline): Promise<void> {
  const { settings, terminal } = context;
  const lines = await withSource(settings, deadline, bemiCleanup);
  if (lines.length > 0) await terminal.out(`${lines.join('\n')}\n`);
  terminal.talk(
    lines.length === 0
      ? 'Nothing of Bemi is in this database.'
      : 'Nothing was changed: run it once nothing needs Bemi any more.',
  );
}

function resultText({ read, added, others, bad }: ImportResult): string {
  const present = read - added - others - bad;
  return [
    `${count(added, 'change')} imported`,
    ...(present > 0 ? [`${present.toLocaleString('en')} there already`] : []),
    ...(others > 0 ? [`${count(others, 'row')} that ${others === 1 ? 'is' : 'are'} no change of a row`] : []),
    ...(bad > 0 ? [`${count(bad, 'row')} left out`] : []),
  ].join(', ');
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`;
}
