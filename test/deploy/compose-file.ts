import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/** The folder of the example. */
export const COMPOSE = path.join(import.meta.dirname, '../../examples/compose');

/** A service, as far as it is looked at here. */
export interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

/** The whole file. */
export interface ComposeFile {
  readonly services: Readonly<Record<'postgres' | 'setup' | 'colophon', Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** Reads `compose.yaml`. */
export function readComposeFile(): ComposeFile {
  return parse(fs.readFileSync(path.join(COMPOSE, 'compose.yaml'), 'utf8')) as ComposeFile;
}

/** The settings that the service of PostgreSQL starts it with. */
export function postgresSettings({ services }: ComposeFile): Record<string, string> {
  const words = services.postgres.command ?? [];
  const pairs = words.flatMap((word, at) => (words[at - 1] === '-c' ? [word.split('=')] : []));
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** The shell commands of the README that make the secrets. */
export function secretsScript(): string {
  const text = fs.readFileSync(path.join(COMPOSE, 'README.md'), 'utf8');
  return /```sh\n(mkdir .*?)```/s.exec(text)![1]!;
}
