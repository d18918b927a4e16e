/**
 * Who, where and why: what is stored beside each change. A snapshot: frozen with the plain objects and arrays in it.
 * Keys that begin with `colophon.` are Colophon's own.
 */
export type Context = Readonly<Record<string, unknown>>;
