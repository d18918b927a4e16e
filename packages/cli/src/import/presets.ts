import type { Preset } from './mapping.js';

/** Bemi's `changes`. Times are of seconds, so rows of one are in the order of the log. */
export const BEMI: Preset = {
  table: 'changes',
  order: ['committed_at', 'position', 'id'],
  keepsIds: true,
  mapping: {
    id: 'id',
    database: 'database',
    schema: 'schema',
    table: 'table',
    operation: 'operation',
    operations: { MESSAGE: null },
    before: 'before',
    after: 'after',
    keyValue: 'primary_key',
    committedAt: 'committed_at',
    queuedAt: 'queued_at',
    createdAt: 'created_at',
    transactionId: 'transaction_id',
    position: 'position',
    context: 'context',
  },
};

/** What is known by name. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  /** The audit trigger of PostgreSQL's wiki. */
  wiki: {
    table: 'audit.logged_actions',
    // Of a statement without its rows there is nothing to tell, but that a table was emptied.
    where: `NOT "statement_only" OR "action" = 'T'`,
    mapping: {
      id: 'event_id',
      schema: 'schema_name',
      table: 'table_name',
      operation: 'action',
      row: 'row_data',
      changed: 'changed_fields',
      committedAt: 'action_tstamp_tx',
      createdAt: 'action_tstamp_clk',
      transactionId: 'transaction_id',
      context: {
        user: 'session_user_name',
        application: 'application_name',
        address: 'client_addr',
        SQL: 'client_query',
      },
    },
  },
  /** supa_audit. */
  'supa-audit': {
    table: 'audit.record_version',
    mapping: {
      id: 'id',
      schema: 'table_schema',
      table: 'table_name',
      operation: 'op',
      operations: { SNAPSHOT: null },
      before: 'old_record',
      after: 'record',
      committedAt: 'ts',
    },
  },
  /** PaperTrail, with JSON columns. */
  'paper-trail': {
    table: 'versions',
    mapping: {
      id: 'id',
      table: 'item_type',
      operation: 'event',
      object: 'object',
      objectChanges: 'object_changes',
      keyValue: 'item_id',
      committedAt: 'created_at',
      context: { user: 'whodunnit' },
    },
  },
};
