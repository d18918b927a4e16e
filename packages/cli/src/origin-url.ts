import { ColophonError } from '@colophon/protocol';
import { checkUrl } from '@colophon/setup';

/** The URL that an import reads from: `--from`, or `COLOPHON_FROM_URL`. Throws `INVALID_OPTION`. */
export function originUrl(flag: string | undefined, env: NodeJS.ProcessEnv): string {
  const url = flag ?? (env.COLOPHON_FROM_URL || undefined);
  if (url === undefined) {
    throw new ColophonError(
      'INVALID_OPTION',
      'No database to import from is given: use --from postgres://…, or set COLOPHON_FROM_URL.',
    );
  }
  checkUrl(url, 'origin');
  return url;
}
