import pg from 'pg';

/**
 * What a role is for. `consumer`: adds records and moves the position, and sees no record. `reader`: reads the views.
 * `retention`: lets old months go, by the owner's functions alone. None can change or delete a record otherwise.
 */
export type RoleKind = 'consumer' | 'reader' | 'retention';

/** Every kind, as the command knows it. */
export const ROLE_KINDS: readonly RoleKind[] = ['consumer', 'reader', 'retention'];

/** One right in the schema `colophon`. */
export interface Right {
  readonly privilege: 'USAGE' | 'SELECT' | 'INSERT' | 'EXECUTE';
  readonly on: 'SCHEMA' | 'TABLE' | 'SEQUENCE' | 'FUNCTION';
  /** Without the schema; of the schema itself its name. */
  readonly name: string;
}

const right = (privilege: Right['privilege'], on: Right['on'], ...names: string[]): Right[] =>
  names.map((name) => ({ privilege, on, name }));

const COMMON = [...right('USAGE', 'SCHEMA', 'colophon'), ...right('SELECT', 'TABLE', 'migrations')];
/** For `status`: how far each source is stored, its gaps, which tables were copied. */
const STATUS = [
  ...right('SELECT', 'TABLE', 'sources', 'positions', 'gaps', 'baselines', 'baseline_chunks'),
  ...right('EXECUTE', 'FUNCTION', 'has_default_rows', 'count_unstored'),
];

/** All that each kind needs, and nothing else. A migration that adds a relation or function for one of them adds it here. */
export const STORE_RIGHTS: Readonly<Record<RoleKind, readonly Right[]>> = {
  consumer: [
    ...COMMON,
    ...STATUS,
    ...right(
      'INSERT',
      'TABLE',
      'change_records',
      'segments',
      'ddl_records',
      'baselines',
      'baseline_chunks',
      'baseline_rows',
    ),
    // Signed contexts: which signatures were seen.
    ...right('INSERT', 'TABLE', 'signature_nonces'),
    ...right('SELECT', 'TABLE', 'relations', 'published', 'signature_nonces', 'signature_floors'),
    ...right('USAGE', 'SEQUENCE', 'change_seq'),
    ...right(
      'EXECUTE',
      'FUNCTION',
      'open_source',
      'advance_position',
      'remember_relations',
      'make_partitions',
      // The ledger; `begin_slot` for an `init` that makes a lost slot anew.
      'accounted_position',
      'account_position',
      'stored_transactions',
      'add_gap',
      'begin_slot',
      'note_coverage',
      'note_published',
      'readable_text',
      // What can't be stored.
      'store_change',
      'store_segment',
      'store_ddl',
      'keep_unstored',
      // `snapshot`.
      'baseline_source',
      'forget_nonces',
    ),
  ],
  reader: [
    ...COMMON,
    ...STATUS,
    // The views' tables, since the queries name them: they hold nothing that the views don't show.
    ...right(
      'SELECT',
      'TABLE',
      'changes',
      'change_records',
      'segments',
      'ddl',
      'ddl_records',
      'unstored',
      'baseline',
      'retentions',
    ),
    ...right('EXECUTE', 'FUNCTION', 'is_in_baseline'),
  ],
  retention: [
    ...COMMON,
    ...right('SELECT', 'TABLE', 'retentions'),
    ...right(
      'EXECUTE',
      'FUNCTION',
      'retention_months',
      'month_contents',
      'young_since',
      'drop_oldest_month',
      'default_limit',
      'default_contents',
      'delete_from_default',
    ),
  ],
};

/** Relations and functions that no role but the owner has a use for: they are reached through the owner's functions and views. */
export const OWNER_ONLY: readonly string[] = [
  'slots',
  'gap_records',
  'unstored_records',
  'segment_block',
  'segments_default',
  'change_records_default',
  'retention_barriers',
  'baseline_needs',
  'forget_baselines',
  'make_month',
  'close_to_others',
  // `import`, which the administrator does.
  'imports',
  'begin_import',
  'make_months',
  'import_changes',
];

/** Functions that look at nothing but their arguments: as the owner's they could not be inlined. */
export const PURE_FUNCTIONS: readonly string[] = ['is_in_baseline', 'readable_text', 'young_since'];

/** By what a role is recognised as one of its kind. */
export const TELLTALE_RIGHT: Readonly<Record<RoleKind, Right>> = {
  consumer: { privilege: 'EXECUTE', on: 'FUNCTION', name: 'open_source' },
  reader: { privilege: 'SELECT', on: 'TABLE', name: 'changes' },
  retention: { privilege: 'EXECUTE', on: 'FUNCTION', name: 'drop_oldest_month' },
};

/** The statement that gives this right to a role. */
export function grantStatement({ privilege, on, name }: Right, role: string): string {
  return `GRANT ${privilege} ON ${on} ${on === 'SCHEMA' ? name : `colophon.${name}`} TO ${pg.escapeIdentifier(role)}`;
}
