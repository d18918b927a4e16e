export type {
  BaselineChunk,
  BaselineProgress,
  BaselineRow,
  BaselineSink,
  BaselineSource,
  BaselineTable,
} from './baseline.js';
export type { Change, Operation, Relation } from './change.js';
export type { ChangeIdentity, ParsedChangeId } from './change-id.js';
export { changeId, parseChangeId, sourceHash } from './change-id.js';
export type { ChangeColumns } from './change-json.js';
export { changeJsonText } from './change-json.js';
export type { ConnectableClient } from './connect-client.js';
export { connectClient, passwordMissing } from './connect-client.js';
export type { Context, ContextText } from './context.js';
export type { DdlRecord, PublicationChange } from './ddl.js';
export { decodeContext } from './decode-context.js';
export type { EncodeOptions } from './encode-context.js';
export { DEFAULT_MAX_CONTEXT_BYTES, encodeContext } from './encode-context.js';
export { endClient, socketOf } from './end-client.js';
export type { ErrorCode, ErrorOptions } from './error.js';
export { ColophonError, ERROR_CODES } from './error.js';
export type { AccountedPosition, Gap, GapReason, StoredCommit, StoredTransaction } from './gap.js';
export { GAP_REASONS } from './gap.js';
export type { JsonMember } from './json-members.js';
export { jsonItems, jsonMembers } from './json-members.js';
export type { JsonText } from './json-text.js';
export { escapeNonAscii, replaceUnstorable } from './json-text.js';
export type { CommonSqlstate, KnownSqlstate } from './known-sqlstate.js';
export { endsConnection, knownSqlstate } from './known-sqlstate.js';
export type { Logger } from './logger.js';
export { SILENT } from './logger.js';
export type { Lsn } from './lsn.js';
export { formatLsn, INVALID_LSN, lsn, parseLsn } from './lsn.js';
export { BEMI_PREFIX, DDL_PREFIX, DEFAULT_PREFIX, markerPrefix, trailPrefix } from './prefix.js';
export type { CoverageChange, SeenPublication, SeenTable } from './publication.js';
export { quoteIdentifier, quoteLiteral } from './quote.js';
export { contextRedactor } from './redact-context.js';
export type { Redaction, RedactionKey, RedactionKind, RedactionRule } from './redaction.js';
export { redactedHash, redactedJson, redactionOf, stricter } from './redaction.js';
export type { Nonce, Signature, SignatureKey } from './signature.js';
export {
  emissionSigner,
  isSignatureRight,
  parseSignature,
  signatureSecret,
  splitSignature,
} from './signature.js';
export type { NonceMemory, RememberedRelation, Sink, SourceDescription, StoredPosition } from './sink.js';
export type { TlsChoice } from './tls/tls-choice.js';
export { tlsChoice } from './tls/tls-choice.js';
export { tlsError } from './tls/tls-error.js';
export type { TransactionEnd, TransactionFacts, TransactionPart } from './transaction.js';
