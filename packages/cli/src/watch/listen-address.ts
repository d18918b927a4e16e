import { ColophonError } from '@colophon/protocol';

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads `127.0.0.1:9187`, `[::1]:9187`, `0.0.0.0:9187`, or a port alone, which is this machine's only. Throws `INVALID_OPTION`. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]:|([^:\s[\]/]+):)?(\d{1,5})$/i.exec(text.trim());
  const port = Number(match?.[3] ?? -1);
  if (match !== null && port >= 1 && port <= 65_535) {
    return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
  }
  throw new ColophonError(
    'INVALID_OPTION',
    `--listen is an address like 127.0.0.1:9187, [::1]:9187 or 9187, got ${JSON.stringify(text)}.`,
  );
}
