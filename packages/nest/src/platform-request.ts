/** The request as the platform hands it to controllers: Express's or Fastify's. */
// biome-ignore lint/suspicious/noExplicitAny: the platform's own type can be written in its place.
export type PlatformRequest = any;
