/** Where a library says what it does. pino and console fit. Libraries never print by themselves. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

function ignore(): void {}

/** The logger that drops everything: the default. */
export const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
