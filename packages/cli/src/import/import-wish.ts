import { ColophonError } from '@colophon/protocol';
import { parseTableNames, type TableName } from '@colophon/setup';
import { parseCount, parseFilter } from '../change-filter.js';
import type { ImportMapping, Preset } from './mapping.js';
import { parseMapping, readMapping } from './parse-mapping.js';
import { BEMI, PRESETS } from './presets.js';

/** `import`'s own flags. */
export interface ImportFlags {
  /** The argument: what is imported. */
  kind?: string;
  from?: string;
  table?: string;
  preset?: string;
  map?: string;
  until?: string;
  environment?: string;
  maxBadRows?: string;
  dryRun?: boolean;
  printCleanup?: boolean;
}

/** What is imported, and as what. */
export interface ImportWish {
  readonly preset: Pick<Preset, 'order' | 'where' | 'keepsIds'>;
  readonly mapping: ImportMapping;
  readonly table: TableName;
  /** A time as ISO 8601; null: all. */
  readonly until: string | null;
  readonly maxBadRows: number;
  readonly environment: string;
}

const DEFAULT_ENVIRONMENT = 'imported';

/** Reads the flags, and the mapping's file. Throws `INVALID_OPTION`. */
export function importWish(flags: ImportFlags, now: Date): ImportWish {
  const { kind, map } = flags;
  if (kind !== 'bemi' && kind !== 'table') {
    throw invalid(
      `What is imported is bemi or table: colophon import bemi, got ${JSON.stringify(kind ?? '')}`,
    );
  }
  if (kind === 'bemi' && (map !== undefined || flags.preset !== undefined)) {
    throw invalid('--map and --preset are for other tables: colophon import table');
  }
  if (kind === 'table' && flags.printCleanup === true) {
    throw invalid("--print-cleanup is for Bemi: of other tables' triggers nothing is known");
  }
  const preset = kind === 'bemi' ? BEMI : presetOf(flags.preset);
  if (preset === undefined && map === undefined) {
    throw invalid(
      `Which columns say what? Give --preset ${Object.keys(PRESETS).join(', ')}, or --map with a file`,
    );
  }
  const table = flags.table ?? preset?.table;
  if (table === undefined) throw invalid('No table is given: use --table audit.log');
  const names = parseTableNames(table);
  if (names.length !== 1) throw invalid(`--table is one table, got ${names.length}`);
  return {
    preset: preset ?? {},
    mapping: parseMapping(map === undefined ? {} : readMapping(map), preset?.mapping),
    table: names[0]!,
    until: flags.until === undefined ? null : String(parseFilter({ until: flags.until }, now).to),
    maxBadRows: parseCount(flags.maxBadRows ?? '0', '--max-bad-rows', 0),
    environment: flags.environment ?? DEFAULT_ENVIRONMENT,
  };
}

function presetOf(name: string | undefined): Preset | undefined {
  if (name === undefined) return undefined;
  if (Object.hasOwn(PRESETS, name)) return PRESETS[name];
  throw invalid(`--preset is ${Object.keys(PRESETS).join(', ')}, got ${JSON.stringify(name)}`);
}

function invalid(what: string): ColophonError {
  return new ColophonError('INVALID_OPTION', `${what}.`);
}
