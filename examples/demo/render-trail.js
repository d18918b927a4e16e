import Table from 'cli-table3';
import colors from 'picocolors';

const OPERATION = { CREATE: colors.green, UPDATE: colors.yellow, DELETE: colors.red, TRUNCATE: colors.red };
const WIDTHS = [14, 16, 27, 15, 52];

/** The audit trail as a table for people: when, who, where, what, and from → to. */
export function renderTrail(changes) {
  const head = ['when', 'who', 'where', 'what', 'from → to'];
  const table = new Table({
    head: head.map((h) => colors.bold(h)),
    colWidths: WIDTHS,
    wordWrap: true,
    style: { head: [], border: colors.isColorSupported ? ['dim'] : [] },
  });
  for (const change of changes) {
    table.push([
      colors.dim(change.committed_at.slice(11, 23)),
      change.context.user ? colors.cyan(change.context.user) : colors.red('no context'),
      [change.context.endpoint, change.context.reason && colors.dim(change.context.reason)]
        .filter(Boolean)
        .join('\n'),
      `${OPERATION[change.operation](change.operation)}\n${change.table} ${change.primary_key}`,
      differences(change).join(', '),
    ]);
  }
  return table.toString();
}

function differences({ operation, before, after }) {
  if (operation === 'CREATE')
    return Object.entries(after).map(([column, value]) => `${column}: ${colors.green(show(value))}`);
  if (operation === 'DELETE')
    return Object.entries(before).map(([column, value]) => `${column}: ${colors.red(show(value))}`);
  return Object.keys(after)
    .filter((column) => JSON.stringify(before[column]) !== JSON.stringify(after[column]))
    .map((column) => `${column}: ${colors.red(show(before[column]))} → ${colors.green(show(after[column]))}`);
}

function show(value) {
  return JSON.stringify(value);
}
