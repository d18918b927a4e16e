import { type JsonMember, jsonMembers } from '@colophon/protocol';
import type { Colors } from '../terminal.js';
import { truncate, visible } from './display-text.js';
import { plainValue } from './plain-value.js';

/** What of an audit record is shown, named as in `colophon.changes`. JSON is text, so that every digit stays. */
export interface ShownChange {
  /** ISO 8601 with a zone. */
  readonly committed_at: string;
  readonly operation: string;
  readonly schema: string;
  readonly table: string;
  readonly partition: string | null;
  readonly primary_key: string | null;
  readonly beforeJson: string;
  readonly afterJson: string;
  readonly contextJson: string;
}

const VALUE_WIDTH = 80;

/** A text and how it is coloured, so that it can be measured and broken before it is. */
export interface Line {
  readonly text: string;
  readonly paint: (text: string) => string;
}

/** What changed, a line a column: `title: milk → oat milk`. */
export function changeLines(change: ShownChange, colors: Colors): Line[] {
  const before = jsonMembers(change.beforeJson);
  const after = jsonMembers(change.afterJson);
  switch (change.operation) {
    case 'UPDATE':
      return updateLines(before, after, colors);
    case 'DELETE':
      return memberLines(before, colors.red, '- ');
    case 'TRUNCATE':
      return [{ text: 'all rows removed', paint: colors.red }];
    default:
      return memberLines(after, colors.green, '+ ');
  }
}

function updateLines(before: readonly JsonMember[], after: readonly JsonMember[], colors: Colors): Line[] {
  const old = new Map(before);
  if (old.size === 0) return memberLines(after, colors.yellow, '');
  const lines: Line[] = [];
  for (const [name, value] of after) {
    const from = old.get(name);
    if (from === value) continue;
    const text = `${visible(name)}: ${from === undefined ? '?' : show(from)} → ${show(value)}`;
    lines.push({ text, paint: colors.yellow });
  }
  return lines.length === 0 ? [{ text: 'nothing (written as it was)', paint: colors.dim }] : lines;
}

function memberLines(members: readonly JsonMember[], paint: (text: string) => string, mark: string): Line[] {
  return members.map(([name, value]) => ({ text: `${mark}${visible(name)}: ${show(value)}`, paint }));
}

function show(value: string): string {
  return truncate(visible(plainValue(value)) || '""', VALUE_WIDTH);
}

/** Who and where, a line a key of the context; a dash where there is none. */
export function contextLines(context: string, colors: Colors): Line[] {
  const members = jsonMembers(context);
  if (members.length === 0) return [{ text: '–', paint: colors.dim }];
  return members.map(([name, value], index) => ({
    text: `${visible(name)}: ${show(value)}`,
    paint: name.startsWith('colophon.') ? colors.red : index === 0 ? colors.cyan : (text) => text,
  }));
}
