import type { JsonText, Operation, Redaction, Relation } from '@colophon/protocol';
import { int32At, utf8Text } from './bytes.js';
import { changesOnly } from './changes-only.js';
import { type ColumnWriter, columnWriterOf } from './column-writer.js';
import { jsonString } from './json-string.js';
import { booleanJson, type Converter, integerJson } from './json-value.js';
import { JsonWriter } from './json-writer.js';
import { jsonbText } from './jsonb-text.js';
import type { RelationMessage, RowMessage } from './message.js';
import { violation } from './message-reader.js';
import { NULL_COLUMN, TEXT_COLUMN, type Tuple } from './tuple.js';
import type { TypeCatalog } from './type-catalog.js';

/** A row message, decoded: all of a `Change` but its place in the transaction. */
export interface DecodedRow {
  readonly relation: Relation;
  readonly operation: Operation;
  readonly key: JsonText;
  readonly primaryKey: string | null;
  readonly before: JsonText;
  readonly after: JsonText;
  readonly unchanged: readonly string[];
}

const NONE: readonly string[] = [];
const EMPTY: JsonText = '{}';
const NULL = Buffer.from('null');
const OPEN = 0x7b;
const CLOSE = 0x7d;
/** Rows are decoded one at a time. */
const WRITER = new JsonWriter();

interface Column {
  readonly name: string;
  /** Part of the replica identity. */
  readonly isKey: boolean;
  /** Its place in the primary key, or -1. */
  readonly keyPlace: number;
  /** `,"name":` */
  readonly label: Uint8Array;
  readonly write: ColumnWriter;
  readonly convert: Converter;
  /** Integers, and booleans: `true`, as a cast to text gives, not `t`. */
  readonly isJsonItsText: boolean;
  /** Left out wherever it comes. */
  readonly isDropped: boolean;
  /** Part of a key as its hash. */
  readonly isHashed: boolean;
}

/** Decodes the rows of one table as one relation message describes it: from bytes to JSON text in one pass. */
export class RowDecoder {
  readonly message: RelationMessage;
  /** The table as its changes name it. Replaced when its root was renamed. */
  relation: Relation;
  /** Whether a column's type is, or holds, a composite: see `SourceCatalog.needsRefresh`. */
  readonly holdsComposite: boolean;
  /** What is redacted, by column; undefined where nothing is. */
  redactions: ReadonlyMap<string, Redaction> | undefined;
  /** By the columns' places, which are ignored; null where none is. */
  ignored: readonly boolean[] | null = null;
  private columns: readonly Column[];
  private readonly types: TypeCatalog;
  private readonly keyLabels: readonly string[];
  /** The key's places in the order in which `jsonb` prints its members. */
  private readonly printOrder: readonly number[];
  // The key of the row at hand: filled while it is decoded.
  private readonly keyText: (string | null)[];
  private readonly keyJson: JsonText[];
  private unchanged: string[] | null = null;

  /** `redactions` are by column. */
  constructor(
    message: RelationMessage,
    relation: Relation,
    types: TypeCatalog,
    redactions?: ReadonlyMap<string, Redaction>,
  ) {
    this.message = message;
    this.relation = relation;
    this.types = types;
    this.holdsComposite = message.columns.some(({ typeOid }) => types.holdsComposite(typeOid));
    this.redactions = redactions;
    this.columns = this.describeColumns();
    this.keyLabels = relation.keyColumns.map(labelOf);
    this.printOrder = relation.keyColumns
      .map((name, place) => ({ place, bytes: Buffer.from(name) }))
      .sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes))
      .map(({ place }) => place);
    this.keyText = relation.keyColumns.map(() => null);
    this.keyJson = relation.keyColumns.map(() => EMPTY);
  }

  /** Other rules hold from now on: its root was renamed. */
  redact(redactions: ReadonlyMap<string, Redaction> | undefined): void {
    this.redactions = redactions;
    this.columns = this.describeColumns();
  }

  private describeColumns(): Column[] {
    return this.message.columns.map(({ name, isKey, typeOid }) => {
      const convert = this.types.converterOf(typeOid);
      const keyPlace = this.relation.keyColumns.indexOf(name);
      const isJsonItsText = convert === integerJson || convert === booleanJson;
      const label = Buffer.from(`,${labelOf(name)}`);
      const write = columnWriterOf(typeOid, convert);
      const column = {
        name,
        isKey,
        keyPlace,
        label,
        write,
        convert,
        isJsonItsText,
        isDropped: false,
        isHashed: false,
      };
      const redaction = this.redactions?.get(name);
      return redaction === undefined ? column : redacted(column, redaction);
    });
  }

  /** Whether it is an update that makes no record: it changed ignored columns, and no others. */
  ignores(message: RowMessage): boolean {
    return this.ignored !== null && message.tag === 'update' && changesOnly(message, this.ignored);
  }

  /**
   * The row as JSON. For a TRUNCATE, which names several tables, this table's part of it.
   * Throws `PROTOCOL_VIOLATION` where the row has another number of columns than the relation message.
   */
  decode(message: RowMessage): DecodedRow {
    const { relation } = this;
    this.keyText.fill(null);
    this.unchanged = null;
    switch (message.tag) {
      case 'insert': {
        const after = this.rowJson(message.after, null, false, true);
        return this.result(relation, 'CREATE', EMPTY, after);
      }
      case 'update': {
        const isWhole = message.oldKind === 'O';
        const before = message.before === null ? EMPTY : this.rowJson(message.before, null, !isWhole, false);
        this.unchanged = null;
        const after = this.rowJson(message.after, message, false, true);
        return this.result(relation, 'UPDATE', before, after);
      }
      case 'delete': {
        const before = this.rowJson(message.before, null, message.oldKind === 'K', true);
        this.unchanged = null;
        return this.result(relation, 'DELETE', before, EMPTY);
      }
      case 'truncate':
        return {
          relation,
          operation: 'TRUNCATE',
          key: EMPTY,
          primaryKey: null,
          before: EMPTY,
          after: EMPTY,
          unchanged: NONE,
        };
    }
  }

  private result(relation: Relation, operation: Operation, before: JsonText, after: JsonText): DecodedRow {
    const { keyLabels, keyText, keyJson, unchanged } = this;
    let key = EMPTY;
    let primaryKey: string | null = null;
    // A key of which a part isn't known (an identity index on other columns) is no key.
    if (keyLabels.length === 1) {
      primaryKey = keyText[0]!;
      if (primaryKey !== null) key = `{${keyLabels[0]}${keyJson[0]}}`;
    } else if (keyLabels.length > 1 && !keyText.includes(null)) {
      key = `{${keyLabels.map((label, place) => label + keyJson[place]).join(',')}}`;
      primaryKey = `{${this.printOrder.map((place) => this.printedMember(place)).join(', ')}}`;
    }
    return { relation, operation, key, primaryKey, before, after, unchanged: unchanged ?? NONE };
  }

  private printedMember(place: number): string {
    const json = this.keyJson[place]!;
    const first = json.charCodeAt(0);
    // A string is as jsonb prints it, and so are true and false; the rest may not be.
    const isAsPrinted = first === 0x22 || first === 0x74 || first === 0x66;
    return `${this.keyLabels[place]} ${isAsPrinted ? json : jsonbText(json)}`;
  }

  /**
   * A tuple as a JSON object. `identityOnly`: of a key tuple, in which all else is null without meaning it.
   * `update`: where unchanged values are found that the tuple doesn't carry.
   */
  private rowJson(
    tuple: Tuple,
    update: { oldKind: 'K' | 'O' | null; before: Tuple | null } | null,
    identityOnly: boolean,
    takeKey: boolean,
  ): JsonText {
    const { columns } = this;
    const { buffer } = tuple;
    const out = WRITER;
    out.clear();
    if (tuple.columnCount !== columns.length) {
      throw violation(
        `a row of relation ${this.message.oid} must have ${columns.length} columns, got ${tuple.columnCount}`,
      );
    }
    let at = tuple.start;
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]!;
      const kind = buffer[at++];
      if (kind === TEXT_COLUMN) {
        const start = at + 4;
        at = start + int32At(buffer, at);
        if (column.isDropped || (identityOnly && !column.isKey)) continue;
        begin(out, column);
        column.write(out, buffer, start, at);
        if (takeKey && column.keyPlace >= 0) this.takeKey(column, buffer, start, at);
      } else if (kind === NULL_COLUMN) {
        if (column.isDropped || (identityOnly && !column.isKey)) continue;
        begin(out, column);
        out.ascii(NULL, 0, NULL.length);
      } else if (!column.isDropped) {
        const start = update === null ? -1 : oldValueAt(update, i, column);
        if (start < 0) {
          (this.unchanged ??= []).push(column.name);
          continue;
        }
        const old = update!.before!.buffer;
        const end = start + int32At(old, start - 4);
        begin(out, column);
        column.write(out, old, start, end);
        if (takeKey && column.keyPlace >= 0) this.takeKey(column, old, start, end);
      }
    }
    if (out.isEmpty) return EMPTY;
    out.byte(CLOSE);
    return out.take();
  }

  private takeKey(column: Column, buffer: Buffer, start: number, end: number): void {
    const text = utf8Text(buffer, start, end);
    const json = column.convert(text);
    this.keyJson[column.keyPlace] = json;
    this.keyText[column.keyPlace] = column.isJsonItsText ? json : column.isHashed ? jsonText(json) : text;
  }
}

/**
 * A column whose values are dropped, masked or hashed. A mask says nothing of which row it is, so it is no part of a key: rows
 * would seem to be one. A hash is taken of the text that the key would show.
 */
function redacted(column: Column, { kind, replace }: Redaction): Column {
  if (replace === null) return { ...column, keyPlace: -1, isDropped: true };
  const { convert: original, isJsonItsText } = column;
  const convert = (text: string): JsonText => jsonString(replace(isJsonItsText ? original(text) : text));
  return {
    ...column,
    write: (out, buffer, start, end) => out.text(convert(utf8Text(buffer, start, end))),
    convert,
    keyPlace: kind === 'hash' ? column.keyPlace : -1,
    isJsonItsText: false,
    isHashed: kind === 'hash',
  };
}

function jsonText(json: JsonText): string {
  return JSON.parse(json) as string;
}

/** `{"name":` of the first member, `,"name":` of the others. */
function begin(out: JsonWriter, { label }: Column): void {
  if (out.isEmpty) {
    out.byte(OPEN);
    out.label(label, 1);
  } else {
    out.label(label, 0);
  }
}

/** Where an update's old row has the text of a column that its new row left out; -1 where it hasn't. */
function oldValueAt(
  update: { oldKind: 'K' | 'O' | null; before: Tuple | null },
  index: number,
  column: Column,
): number {
  const { before } = update;
  if (before === null || (update.oldKind === 'K' && !column.isKey)) return -1;
  let at = before.start;
  for (let i = 0; ; i++) {
    const kind = before.buffer[at++];
    if (i === index) return kind === TEXT_COLUMN ? at + 4 : -1;
    if (kind === TEXT_COLUMN) at += 4 + int32At(before.buffer, at);
  }
}

function labelOf(name: string): string {
  return `${JSON.stringify(name)}:`;
}
