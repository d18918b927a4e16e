import { ColophonError } from '@colophon/protocol';
import type { AnyClient, OriginalClient } from './prisma-client.js';

const METHODS = ['_createPrismaPromise', '_createItxClient'] as const;
const ENGINE_METHODS = ['start', 'request', 'requestBatch', 'transaction'] as const;

/** The original client behind what `$extends` was called on. Throws `UNSUPPORTED_CLIENT` where it can't be served. */
export function checkClient(given: unknown): OriginalClient {
  const client = (given as Partial<AnyClient> | null | undefined)?._originalClient;
  if (client === undefined) {
    throw unsupported('colophon() was given no Prisma Client: write prisma.$extends(colophon()).');
  }
  const { _activeProvider: provider, _clientVersion: version, _engine: engine } = client;
  if (provider !== 'postgresql' && provider !== 'postgres') {
    throw unsupported(
      `This Prisma Client is made for ${provider}, wanted postgresql: extend only clients whose schema says provider = "postgresql".`,
      { provider },
    );
  }
  if (engine?.name !== 'ClientEngine') {
    throw unsupported(
      `Prisma Client ${version} runs on its ${engine?.name ?? 'unknown engine'}, outside Node.js, where no context can follow, wanted the client engine: set engineType = "client" in the generator and give PrismaClient an adapter of @prisma/adapter-pg.`,
      { version },
    );
  }
  const isKnown =
    METHODS.every((name) => typeof client[name] === 'function') &&
    ENGINE_METHODS.every((name) => typeof engine[name] === 'function') &&
    typeof client._requestHandler?.request === 'function';
  if (!isKnown) throw unknownVersion(client);
  return client;
}

/** For a version whose parts are others than those that were looked at. */
export function unknownVersion({ _clientVersion: version }: OriginalClient): ColophonError {
  return unsupported(
    `Prisma Client ${version} is built in a way that is not known here, wanted 6.16 to 7.x: use another version of Prisma or a newer @colophon/prisma.`,
    { version },
  );
}

/** An `UNSUPPORTED_CLIENT`. */
export function unsupported(message: string, details: Record<string, string> = {}): ColophonError {
  return new ColophonError('UNSUPPORTED_CLIENT', message, { details });
}
