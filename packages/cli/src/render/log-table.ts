import { displayTable } from '@colophon/setup';
import type { Colors } from '../terminal.js';
import { changeLines, contextLines, type Line, type ShownChange } from './change-lines.js';
import { displayWidth, pad, truncate, visible, wrap } from './display-text.js';

const GAP = '  ';
const WHEN_WIDTH = '00:00:00'.length;
const MAX_LINES = 12;

/** What is shown of a command that changed the schema, named as in `colophon.ddl`. */
interface ShownDdl {
  /** ISO 8601 with a zone. */
  readonly committed_at: string;
  readonly command: string;
  readonly object_type: string | null;
  readonly identity: string | null;
  readonly is_drop: boolean;
  readonly role: string | null;
  readonly contextJson: string;
}

/** A line of the log. */
export type LogEntry = ShownChange | ShownDdl;

/** Widths of the columns who, what and changed. */
export interface LogWidths {
  readonly who: number;
  readonly what: number;
  readonly changed: number;
}

/** Shares out a terminal's columns: what changed gets the most. */
function logWidths(columns: number): LogWidths {
  const rest = Math.max(40, columns - WHEN_WIDTH - 3 * GAP.length);
  const who = Math.min(40, Math.floor(rest * 0.32));
  const what = Math.min(30, Math.floor(rest * 0.26));
  return { who, what, changed: rest - who - what };
}

/** Gives the table piece by piece, so that any number of records can be shown: a head, and the date where it changes. */
export class LogTable {
  readonly #colors: Colors;
  readonly #widths: LogWidths;
  #day = '';

  constructor(columns: number, colors: Colors) {
    this.#colors = colors;
    this.#widths = logWidths(columns);
  }

  /** The head. */
  head(): string {
    const { who, what } = this.#widths;
    const { bold } = this.#colors;
    return `${bold(`${pad('WHEN', WHEN_WIDTH)}${GAP}${pad('WHO, WHERE', who)}${GAP}${pad('WHAT', what)}${GAP}CHANGED`)}\n`;
  }

  /** One record, with the date before it where it is another than the last one's. */
  row(change: LogEntry): string {
    const colors = this.#colors;
    const { who, what, changed } = this.#widths;
    const { day, time } = localTime(new Date(change.committed_at));
    const cells = [
      fit([{ text: time, paint: colors.dim }], WHEN_WIDTH),
      fit(contextLines(change.contextJson, colors), who),
      ...('command' in change
        ? [fit(commandLines(change, colors), what), fit(objectLines(change, colors), changed)]
        : [fit(whatLines(change, colors), what), fit(changeLines(change, colors), changed)]),
    ];
    const widths = [WHEN_WIDTH, who, what, changed];
    const height = Math.max(...cells.map((lines) => lines.length));
    let text = '';
    if (day !== this.#day) {
      this.#day = day;
      text += `${colors.dim(`── ${day} ──`)}\n`;
    }
    for (let at = 0; at < height; at++) {
      const parts = cells.map((lines, column) => {
        const line = lines[at];
        if (line === undefined) return ' '.repeat(widths[column]!);
        const isLast = column === cells.length - 1;
        return line.paint(line.text) + (isLast ? '' : ' '.repeat(widths[column]! - displayWidth(line.text)));
      });
      text += `${parts.join(GAP).trimEnd()}\n`;
    }
    return text;
  }
}

function whatLines(change: ShownChange, colors: Colors): Line[] {
  const paint = { CREATE: colors.green, UPDATE: colors.yellow, DELETE: colors.red, TRUNCATE: colors.red }[
    change.operation
  ];
  const table = visible(displayTable({ schema: change.schema, name: change.table }));
  const key = change.primary_key === null ? '' : ` ${visible(change.primary_key)}`;
  const lines: Line[] = [
    { text: change.operation, paint: paint ?? ((text) => text) },
    { text: `${table}${key}`, paint: colors.bold },
  ];
  if (change.partition !== null) lines.push({ text: `in ${visible(change.partition)}`, paint: colors.dim });
  return lines;
}

function commandLines({ command, role }: ShownDdl, colors: Colors): Line[] {
  const lines: Line[] = [{ text: visible(command), paint: colors.yellow }];
  if (role !== null) lines.push({ text: `as ${visible(role)}`, paint: colors.dim });
  return lines;
}

function objectLines({ object_type, identity, is_drop }: ShownDdl, colors: Colors): Line[] {
  const text = [object_type, identity]
    .map((word) => visible(word ?? ''))
    .join(' ')
    .trim();
  return [{ text: is_drop ? `- ${text}` : text, paint: is_drop ? colors.red : colors.bold }];
}

function fit(lines: readonly Line[], width: number): Line[] {
  const fitted = lines.flatMap(({ text, paint }) => wrap(text, width).map((part) => ({ text: part, paint })));
  if (fitted.length <= MAX_LINES) return fitted;
  const more = fitted.length - MAX_LINES + 1;
  const note = truncate(`… ${more} more lines`, width);
  return [...fitted.slice(0, MAX_LINES - 1), { text: note, paint: (text) => text }];
}

function localTime(at: Date): { day: string; time: string } {
  const two = (value: number): string => String(value).padStart(2, '0');
  return {
    day: `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`,
  };
}
