import fs from 'node:fs';
import path from 'node:path';
import { ColophonError } from '@colophon/protocol';
import { errorText } from '@colophon/setup';
import { createJiti } from 'jiti';
import type { ColophonConfig } from './config.js';

const FILES = ['colophon.config.ts', 'colophon.config.js', 'colophon.config.json'];

// A settings file may import defineConfig also where the command is installed elsewhere.
const OWN_ENTRY = path.join(__dirname, 'index.js');

type Kind = 'text' | 'texts' | 'number' | 'tables' | 'identity' | 'boolean' | 'object';
const KEYS: Record<keyof ColophonConfig, Kind> = {
  source: 'text',
  store: 'text',
  tables: 'tables',
  slot: 'text',
  publication: 'text',
  environment: 'text',
  name: 'text',
  prefixes: 'texts',
  replicaIdentity: 'identity',
  failover: 'boolean',
  ddl: 'boolean',
  keep: 'text',
  maxSize: 'text',
  timeoutSeconds: 'number',
  redact: 'object',
  signature: 'object',
  listen: 'text',
  log: 'text',
  logLevel: 'text',
  warnRetained: 'text',
};
const WANTED: Record<Kind, string> = {
  text: 'a text',
  texts: 'a list of texts',
  number: 'a number above 0',
  tables: "a list of names, or 'all'",
  identity: "'full' or 'default'",
  object: 'an object',
  boolean: 'true or false',
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
    config = file.endsWith('.json')
      ? JSON.parse(fs.readFileSync(file, 'utf8'))
      : await createJiti(file, { moduleCache: false, alias: { colophon: OWN_ENTRY } }).import(file, {
          default: true,
        });
  } catch (error) {
    throw new ColophonError('INVALID_OPTION', `${name} can't be read: ${firstLine(errorText(error))}`, {
      cause: error,
    });
  }
  return checkConfig(config, name);
}

function firstLine(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function checkConfig(config: unknown, file: string): ColophonConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new ColophonError(
      'INVALID_OPTION',
      `${file} gives no object, wanted export default defineConfig({ … }).`,
    );
  }
  for (const [key, value] of Object.entries(config)) {
    const kind = Object.hasOwn(KEYS, key) ? KEYS[key as keyof ColophonConfig] : undefined;
    if (kind === undefined) {
      throw new ColophonError(
        'INVALID_OPTION',
        `${file} has an unknown key ${JSON.stringify(key)}: known are ${Object.keys(KEYS).join(', ')}.`,
      );
    }
    if (value !== undefined && !fits(value, kind)) {
      throw new ColophonError('INVALID_OPTION', `${file}: ${key} is wrong, wanted ${WANTED[kind]}.`);
    }
  }
  return config as ColophonConfig;
}

function fits(value: unknown, kind: Kind): boolean {
  const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (kind === 'text') return typeof value === 'string';
  if (kind === 'boolean') return typeof value === 'boolean';
  if (kind === 'texts') return isTexts;
  if (kind === 'number') return typeof value === 'number' && value > 0;
  if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (kind === 'tables') return isTexts || value === 'all';
  return value === 'full' || value === 'default';
}
