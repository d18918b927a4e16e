import { ColophonError } from '@colophon/protocol';

/** The schema of the store: never tracked. */
export const STORE_SCHEMA = 'colophon';

/** How the comment begins that `init` puts on its publication. */
export const INIT_MARK = 'Kept by Colophon for "colophon drop":';

/** Which slot and publication. */
export interface SourceNames {
  readonly slot: string;
  readonly publication: string;
}

/** Throws `INVALID_OPTION` for names that PostgreSQL would refuse or cut off. */
export function checkNames(names: SourceNames): void {
  if (!/^[a-z0-9_]{1,63}$/.test(names.slot)) {
    throw new ColophonError(
      'INVALID_OPTION',
      `A slot's name is 1 to 63 of a-z, 0-9 and _, got ${JSON.stringify(names.slot)}: choose another --slot.`,
    );
  }
  const bytes = Buffer.byteLength(names.publication);
  if (bytes < 1 || bytes > 63) {
    throw new ColophonError(
      'INVALID_OPTION',
      `A publication's name has 1 to 63 bytes, got ${bytes}: choose another --publication.`,
    );
  }
}
