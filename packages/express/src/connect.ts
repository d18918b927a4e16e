import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * A request as Express hands it on; a plain Connect server has only Node's own members. Express's own type fits too, so where TypeScript can't infer it, write
 * `(request: express.Request) => …`.
 */
export interface ConnectRequest extends IncomingMessage {
  readonly ip?: string | undefined;
  originalUrl?: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the application's authentication puts there.
  user?: any;
}

/** A middleware of Express, Connect and their like. */
export type Middleware<Request extends IncomingMessage> = (
  request: Request,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;
