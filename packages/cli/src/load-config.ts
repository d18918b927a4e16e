import fs from 'node:fs';
import path from 'node:path';
import { ColophonError } from '@colophon/protocol';
import { errorText } from '@colophon/setup';
import { locate } from './config/locate.js';
import { missingKey } from './config/missing-key.js';
import { COLUMNS_SHAPE, REDACT_SHAPE, SIGNATURE_SHAPE } from './config/protection-shapes.js';
import { problemOf, type Shape } from './config/shape.js';
import { findInSource, type Node, type Position } from './config/syntax-tree.js';
import type { ColophonConfig } from './config.js';
import { LOG_LEVELS } from './log/log-facts.js';

const FILES = ['colophon.config.ts', 'colophon.config.js', 'colophon.config.json'];

// A settings file may import defineConfig also where the command is installed elsewhere.
const OWN_ENTRY = path.join(__dirname, 'index.js');

const KEYS: Record<keyof ColophonConfig, Shape> = {
  source: 'text',
  store: 'text',
  tables: 'tables',
  newTables: 'text',
  slot: 'text',
  publication: 'text',
  environment: 'text',
  name: 'text',
  prefixes: 'texts',
  replicaIdentity: { choices: ['full', 'default'] },
  failover: 'boolean',
  ddl: 'boolean',
  keep: 'text',
  maxSize: 'text',
  timeoutSeconds: 'number',
  columns: COLUMNS_SHAPE,
  redact: REDACT_SHAPE,
  signature: SIGNATURE_SHAPE,
  listen: 'text',
  log: { choices: ['text', 'json'] },
  logLevel: { choices: LOG_LEVELS },
  warnRetained: 'text',
};

/** Reads the named file, or the first of `colophon.config.ts`, `.js`, `.json` in the folder; `{}` without one. Throws `INVALID_OPTION`. */
export async function loadConfig(folder: string, named?: string): Promise<ColophonConfig> {
  const file =
    named === undefined
      ? FILES.map((name) => path.join(folder, name)).find((name) => fs.existsSync(name))
      : path.resolve(folder, named);
  if (file === undefined) return {};
  const name = path.relative(folder, file);
  let config: unknown;
  try {
    config = file.endsWith('.json') ? JSON.parse(fs.readFileSync(file, 'utf8')) : await load(file);
  } catch (error) {
    throw unreadable(file, name, error);
  }
  return checkConfig(config, file, name);
}

async function load(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  // Without its cache: what it has made of a file, secrets and all, would lie in a folder for all to read.
  const jiti = createJiti(file, { moduleCache: false, fsCache: false, alias: { colophon: OWN_ENTRY } });
  return jiti.import(file, { default: true });
}

function checkConfig(config: unknown, file: string, name: string): ColophonConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw invalid(`${name} gives no object, wanted export default defineConfig({ … }).`);
  }
  const problem = problemOf(config, { keys: KEYS }) ?? missingKey(config as ColophonConfig);
  if (problem === null) return config as ColophonConfig;
  const { path: place, isKey, message } = problem;
  throw invalid(`${placeIn(file, name, (program) => locate(program, place, isKey))}: ${message}`);
}

/** What a parser says shows a piece of the file, which may be a secret: its place is enough. */
function unreadable(file: string, name: string, error: unknown): ColophonError {
  const isFile = fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  const place = isFile ? placeIn(file, name, () => null) : name;
  if (file.endsWith('.json') && error instanceof SyntaxError) {
    return invalid(
      `${place}: it can't be read, since it isn't JSON (comments, single quotes and commas at an end are none).`,
    );
  }
  if (place !== name) return invalid(`${place}: it can't be read, since it isn't valid there.`);
  return invalid(`${name} can't be read: ${firstLine(errorText(error))}`, error);
}

/** `colophon.config.ts:12:5`; the name alone where there is no place. */
function placeIn(file: string, name: string, find: (program: Node) => Position | null): string {
  const place = findInSource(file, fs.readFileSync(file, 'utf8'), find);
  return place === null ? name : `${name}:${place.line}:${place.column + 1}`;
}

function firstLine(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function invalid(message: string, cause?: unknown): ColophonError {
  return new ColophonError('INVALID_OPTION', message, cause === undefined ? {} : { cause });
}
