import type { JsonText } from './json-text.js';

/**
 * Who, where and why: the JSON object that a change is stored with.
 * Keys that begin with `colophon.` are Colophon's own.
 */
export type Context = Readonly<Record<string, unknown>>;

/** A context as JSON text that PostgreSQL's `jsonb` accepts. */
export type ContextText = JsonText;
