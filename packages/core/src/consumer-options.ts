import { ColophonError, DEFAULT_PREFIX, type Logger, SILENT, type Sink } from '@colophon/protocol';
import type { ClientConfig } from 'pg';
import type { ColumnOptions } from './columns/column-options.js';
import { type RedactionRules, type Redactors, redactorsOf } from './redact/redaction-rules.js';
import { sourceConfig } from './replication/connection-config.js';
import {
  type SignatureOptions,
  type SignatureSettings,
  signatureSettings,
} from './signature/signature-options.js';

/** What is read, and how. */
export interface SourceOptions {
  /** Connection URL of the database to read. Its role needs REPLICATION. Not through a pooler. */
  source: string;
  /** Replication slot; must exist. Default `colophon`. */
  slot?: string;
  /** Publication; must have been there before the slot. Default `colophon`. */
  publication?: string;
  /** The source's name in audit records. Default: the database's name. */
  name?: string;
  /** Its label in audit records: production, staging, … Default: empty. */
  environment?: string;
  /** Prefixes of emissions that count. Default `['colophon']`. More than one while an application changes its prefix. */
  prefixes?: readonly string[];
  /** How long a source (or a sink) that was never reached is tried before `run` rejects. Default 30,000. One that was reached and lost is tried for ever. */
  connectTimeoutMs?: number;
  /** Whether to wait while another consumer holds the slot, and take over when it is free. Default true; false rejects with `SLOT_IN_USE`. */
  waitForSlot?: boolean;
  /** The longest such wait. Default: for ever. */
  slotTimeoutMs?: number;
  /** Changes written to the sink at once under load. Default 10,000: below about 5,000 the cost of each flush shows. */
  batchChanges?: number;
  /** … or their weight in memory, about. Default 8 MiB. */
  batchBytes?: number;
  /** What may wait in memory for the sink before the source is made to wait. Default 8 MiB. */
  queueBytes?: number;
  /** How long transactions in quick succession are gathered before a flush. Default 10 ms; the first after a pause never waits. */
  gatherMs?: number;
  /** How long a connection may be silent before it is given up for dead and opened anew. Default 60,000; doubled each time in a row, since a server may be busy. */
  silenceTimeoutMs?: number;
  /** How often the source's catalog is asked what the publication gives, where no event trigger tells. Default 60,000 ms. */
  publicationCheckMs?: number;
  /** Values that are never kept: dropped, masked or hashed before anything is written. Default: none. */
  redact?: RedactionRules;
  /** Rules for columns by pattern: what is ignored, excluded, masked, hashed. Default: none. */
  columns?: ColumnOptions;
  /** The signatures that contexts must have: see `sign` of `instrument`. Default: none is asked for, and `verified` is null. */
  signature?: SignatureOptions;
  /** Where to tell what happens. Default: nowhere. */
  logger?: Logger;
}

/** What a consumer is made of. */
export interface ConsumerOptions extends SourceOptions {
  /** Where audit records go. */
  sink: Sink;
}

/** Options checked and completed. */
export interface ConsumerSettings {
  readonly config: ClientConfig;
  readonly slot: string;
  readonly publication: string;
  readonly name: string | null;
  readonly environment: string;
  readonly prefixes: readonly string[];
  readonly connectTimeoutMs: number;
  readonly waitForSlot: boolean;
  readonly slotTimeoutMs: number;
  readonly batchChanges: number;
  readonly batchBytes: number;
  readonly queueBytes: number;
  readonly gatherMs: number;
  readonly silenceTimeoutMs: number;
  readonly publicationCheckMs: number;
  readonly redactors: Redactors;
  readonly signature: SignatureSettings | null;
  readonly logger: Logger;
}

const MIB = 2 ** 20;
// NAMEDATALEN - 1
const MAX_NAME_BYTES = 63;

/** Checks options and completes them. Throws `INVALID_OPTION`. */
export function consumerSettings(options: SourceOptions): ConsumerSettings {
  const prefixes = options.prefixes ?? [DEFAULT_PREFIX];
  if (prefixes.length === 0 || prefixes.some((prefix) => typeof prefix !== 'string' || prefix === '')) {
    throw invalid('prefixes', 'is a list of at least one non-empty text');
  }
  return {
    config: sourceConfig(options.source),
    slot: identifier('slot', options.slot),
    publication: identifier('publication', options.publication),
    name: options.name ?? null,
    environment: options.environment ?? '',
    prefixes,
    connectTimeoutMs: positive('connectTimeoutMs', options.connectTimeoutMs, 30_000),
    waitForSlot: options.waitForSlot ?? true,
    slotTimeoutMs: positive('slotTimeoutMs', options.slotTimeoutMs, Number.POSITIVE_INFINITY),
    batchChanges: positive('batchChanges', options.batchChanges, 10_000),
    batchBytes: positive('batchBytes', options.batchBytes, 8 * MIB),
    queueBytes: positive('queueBytes', options.queueBytes, 8 * MIB),
    gatherMs: positive('gatherMs', options.gatherMs, 10),
    silenceTimeoutMs: positive('silenceTimeoutMs', options.silenceTimeoutMs, 60_000),
    publicationCheckMs: positive('publicationCheckMs', options.publicationCheckMs, 60_000),
    redactors: redactorsOf(options.redact, options.columns),
    signature: signatureSettings(options.signature),
    logger: options.logger ?? SILENT,
  };
}

function identifier(option: string, value = 'colophon'): string {
  if (value !== '' && Buffer.byteLength(value) <= MAX_NAME_BYTES && !value.includes('\0')) return value;
  throw invalid(option, `is a name of 1 to ${MAX_NAME_BYTES} bytes, got ${Buffer.byteLength(value)}`);
}

function positive(option: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value === 'number' && value >= 0) return value;
  throw invalid(option, `is a number from 0 on, got ${value}`);
}

function invalid(option: string, wanted: string): ColophonError {
  return new ColophonError('INVALID_OPTION', `Option ${option} ${wanted}.`, { details: { option } });
}
