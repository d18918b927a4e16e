import fs from 'node:fs';
import { ColophonError } from '@colophon/protocol';

/** Where a secret is: never in the settings file itself, which is kept with the code. */
export interface SecretSetting {
  /** Its name, which is stored beside what it made. */
  readonly id: string;
  /** A file that holds it; a line break at its end doesn't count. */
  readonly file?: string;
  /** … or a variable of the environment. */
  readonly env?: string;
}

/** A secret with its name. */
export interface Secret {
  readonly id: string;
  readonly secret: string;
}

/** Fetches a secret; `place` names the setting in messages. Throws `INVALID_OPTION`. */
export function readSecret(
  { id, file, env, ...rest }: SecretSetting,
  place: string,
  environment: NodeJS.ProcessEnv,
): Secret {
  if (
    typeof id !== 'string' ||
    (file === undefined) === (env === undefined) ||
    Object.keys(rest).length > 0
  ) {
    throw invalid(`${place} is wrong, wanted an id and either file or env`);
  }
  if (env !== undefined) {
    const secret = environment[env];
    if (!secret) throw invalid(`${place}: the variable ${env} is not set`);
    return { id, secret };
  }
  try {
    return { id, secret: fs.readFileSync(String(file), 'utf8').replace(/\r?\n$/, '') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(`${place}: the file ${file} can't be read (${code ?? 'unknown reason'})`);
  }
}

function invalid(what: string): ColophonError {
  return new ColophonError('INVALID_OPTION', `${what}.`);
}
