import type { ColumnOptions, RedactionRules, SignatureOptions } from '@colophon/core';
import { ColophonError, type RedactionKey } from '@colophon/protocol';
import { readSecret, type SecretSetting } from './secrets.js';
import type { Settings } from './settings.js';

/** `redact` in the settings file. */
export interface RedactSetting extends Omit<RedactionRules, 'key'> {
  /** For `hash`. Of several the first hashes; `log --key` and `tail --key` look for the hashes of all. */
  readonly key?: SecretSetting | readonly SecretSetting[];
}

/** `signature` in the settings file. */
export interface SignatureSetting {
  /** Every key that is accepted. */
  readonly keys: readonly SecretSetting[];
  /** Longer than the longest transaction. Default one hour. */
  readonly windowSeconds?: number;
  /** For whom signatures must be. Default: the database's name. */
  readonly audience?: string;
}

/** What is never kept, with the secrets fetched. */
export interface Redaction {
  readonly rules: RedactionRules;
  readonly columns: ColumnOptions;
  readonly keys: readonly RedactionKey[];
}

/** Fetches the redaction's secrets; `hide` is given each. Undefined where there are no rules. Throws `INVALID_OPTION`. */
export function fetchRedaction(
  { redact, columns }: Pick<Settings, 'redact' | 'columns'>,
  env: NodeJS.ProcessEnv,
  hide: (secrets: readonly string[]) => void,
): Redaction | undefined {
  if (redact === null && columns === null) return undefined;
  const { key, ...rules } = redact ?? ({} as RedactSetting);
  const keys = [key ?? []].flat().map((one) => readSecret(one, 'redact.key', env));
  hide(keys.map(({ secret }) => secret));
  const [first] = keys;
  return { rules: first === undefined ? rules : { ...rules, key: first }, columns: columns ?? {}, keys };
}

/** Fetches the signature's secrets, likewise. Undefined where no signature is asked for. Throws `INVALID_OPTION`. */
export function fetchSignature(
  setting: SignatureSetting | null,
  env: NodeJS.ProcessEnv,
  hide: (secrets: readonly string[]) => void,
): SignatureOptions | undefined {
  if (setting === null) return undefined;
  const { keys, windowSeconds, audience, ...rest } = setting;
  if (!Array.isArray(keys) || Object.keys(rest).length > 0) {
    throw new ColophonError('INVALID_OPTION', 'signature is wrong, wanted keys, windowSeconds and audience.');
  }
  const ready = keys.map((one) => readSecret(one, 'signature.keys', env));
  hide(ready.map(({ secret }) => secret));
  return {
    keys: ready,
    ...(windowSeconds === undefined ? {} : { windowMs: windowSeconds * 1_000 }),
    ...(audience === undefined ? {} : { audience }),
  };
}
