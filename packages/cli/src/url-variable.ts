import fs from 'node:fs';
import { ColophonError } from '@colophon/protocol';

/**
 * A connection URL from a variable, or from the file that the variable of the same name with `_FILE` names: so a password
 * need not be in the environment. Undefined where neither is set. Throws `INVALID_OPTION` where both are, or the file gives none.
 */
export function urlVariable(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const fileVariable = `${name}_FILE`;
  const url = env[name] || undefined;
  const file = env[fileVariable] || undefined;
  if (file === undefined) return url;
  if (url !== undefined) throw invalid(`${name} and ${fileVariable} are both set: give one of them`);
  const text = readText(file, fileVariable).trim();
  if (text !== '') return text;
  throw invalid(
    `${fileVariable}: ${file} is empty, wanted a URL like postgres://user:password@host/database`,
  );
}

function readText(file: string, place: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(`${place}: the file ${file} can't be read (${code ?? 'unknown reason'})`);
  }
}

function invalid(what: string): ColophonError {
  return new ColophonError('INVALID_OPTION', `${what}.`);
}
