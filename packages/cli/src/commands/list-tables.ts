import { ColumnRuleBook } from '@colophon/core';
import { ColophonError } from '@colophon/protocol';
import {
  type Connection,
  type Deadline,
  inspectSizes,
  inspectSource,
  type ListedTable,
  listTables,
  type SourceState,
} from '@colophon/setup';
import type { Activity } from '@colophon/store';
import { type CommandContext, deadlineOf, sourceNames, withSource } from '../command-context.js';
import { openAuditStore, STORE } from '../open-audit-store.js';
import { type ColumnRule, columnRules } from '../render/column-rules.js';
import { visible } from '../render/display-text.js';
import { renderTables, type ShownTable } from '../render/tables-list.js';
import type { Settings } from '../settings.js';

/** What `tables` is asked for. */
interface ListFlags {
  json?: boolean;
}

/** Lists every table, with whether it is tracked, what it costs, and what the settings keep out of its records. */
export async function listAllTables(context: CommandContext<ListFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const deadline = deadlineOf(settings, context.interrupted);
  let state!: SourceState;
  let listed: readonly ListedTable[] = [];
  let sizes: ReadonlyMap<number, number> = new Map();
  let columns: ReadonlyMap<number, readonly string[]> = new Map();
  const { redact, columns: options } = settings;
  const book = new ColumnRuleBook(redact ?? undefined, options ?? undefined);
  await withSource(settings, deadline, async (connection) => {
    state = await inspectSource(connection, sourceNames(settings));
    listed = listTables(state, settings.identity);
    sizes = await inspectSizes(
      connection,
      listed.flatMap(({ leaves }) => leaves.map(({ oid }) => oid)),
    );
    if (redact !== null || options !== null) columns = await readColumns(connection, listed);
  });
  const activity = await readActivity(settings, state, deadline);
  const rules = (table: ListedTable): ColumnRule[] =>
    columnRules(book, table, columns.get(table.relation.oid) ?? []);
  const shown = listed.map((table) => shownTable(table, sizes, activity, rules(table)));
  const policy = state.publication?.memory?.newTables;
  if (flags.json === true) {
    for (const table of shown) await terminal.out(`${JSON.stringify(toJson(table))}\n`);
    return;
  }
  if (shown.length === 0) terminal.talk(`There are no tables in database ${visible(state.server.database)}.`);
  else await terminal.out(renderTables(shown, terminal.columns, terminal.colors));
  if (state.publication === null) {
    terminal.talk(
      `Nothing is tracked: there is no publication ${visible(settings.publication)} (colophon init).`,
    );
  }
  terminal.talk(`New tables: ${newTablesText(policy, state)}`);
  if (activity instanceof ColophonError) {
    terminal.talk(`! Changes a day aren't known: ${visible(activity.message)}`);
  } else if (!activity.isExact) terminal.talk('~ Estimated from samples of the last 24 hours.');
}

async function readColumns(
  connection: Connection,
  tables: readonly ListedTable[],
): Promise<ReadonlyMap<number, readonly string[]>> {
  const rows = await connection.query<{ oid: number; columns: string[] }>(
    `SELECT a.attrelid AS oid, array_agg(a.attname::text ORDER BY a.attnum) AS columns FROM pg_attribute a
      WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped GROUP BY 1`,
    [tables.map(({ relation }) => relation.oid)],
  );
  return new Map(rows.map((row) => [row.oid, row.columns]));
}

/** Without a store, or the right to read it, the rest is shown all the same. */
async function readActivity(
  settings: Settings,
  { server }: SourceState,
  deadline: Deadline,
): Promise<Activity | ColophonError> {
  try {
    const store = await openAuditStore(settings, deadline);
    const source = { source: settings.name ?? server.database, environment: settings.environment };
    try {
      return await deadline.race(store.activity(source), STORE);
    } finally {
      await deadline.race(store.close(), STORE).catch(() => {});
    }
  } catch (error) {
    if (error instanceof ColophonError) return error;
    throw error;
  }
}

function shownTable(
  table: ListedTable,
  sizes: ReadonlyMap<number, number>,
  activity: Activity | ColophonError,
  rules: readonly ColumnRule[],
): ShownTable {
  const { schema, name } = table.relation;
  const seen =
    activity instanceof ColophonError
      ? null
      : (activity.tables.find((one) => one.schema === schema && one.table === name) ?? {
          changes: 0,
          named: 0,
        });
  return {
    table,
    bytes: table.leaves.reduce((sum, { oid }) => sum + (sizes.get(oid) ?? 0), 0),
    changes: seen?.changes ?? null,
    named: seen?.named ?? null,
    isExact: !(activity instanceof ColophonError) && activity.isExact,
    rules,
  };
}

function newTablesText(
  policy: NonNullable<NonNullable<SourceState['publication']>['memory']>['newTables'],
  { track }: SourceState,
): string {
  if (policy?.policy !== 'auto') return 'manual (colophon tables track)';
  const scope = policy.scope.map(({ text }) => text).join(',');
  const how = track.isCurrent
    ? 'tracked as they are made'
    : 'tracked by colophon run, a moment after they are made';
  return `auto, ${visible(scope)}: ${how}`;
}

function toJson({ table, bytes, changes, named, isExact, rules }: ShownTable): object {
  const { relation, leaves, tracked, obstacle, identity } = table;
  return {
    schema: relation.schema,
    table: relation.name,
    tracked: tracked === 'yes',
    partitions: relation.kind === 'partitioned table' ? leaves.length : null,
    obstacle,
    replica_identity: identity,
    bytes,
    changes_24h: changes,
    named_24h: named,
    is_estimate: changes === null ? null : !isExact,
    columns: Object.fromEntries(rules.map(({ column, rule }) => [column, rule])),
  };
}
