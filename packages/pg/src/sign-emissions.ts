import { type ContextText, emissionSigner } from '@colophon/protocol';
import type { ClientLike } from './node-postgres.js';
import type { InstrumentOptions } from './options.js';

/** Gives the text of an emission as it goes out on this client: signed, so never the same twice. */
export type Sign = (client: ClientLike, prefix: string, context: ContextText) => ContextText;

/** Null where nothing is signed. Throws `INVALID_OPTION` for an unusable key. */
export function signing({ sign }: InstrumentOptions): Sign | null {
  if (sign === undefined) return null;
  const signed = emissionSigner(sign.key);
  const { audience } = sign;
  return (client, prefix, context) => signed(prefix, audience ?? client.database ?? '', context);
}
