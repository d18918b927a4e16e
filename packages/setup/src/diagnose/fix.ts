/** A remedy as a program can carry it out. What it leaves out is in the check's `remedy`, in words. */
export interface Fix {
  /** Statements, one after the other. */
  readonly sql?: readonly string[];
  /** The role that may run them; null: an administrator, which is a superuser or the role that a provider gives in its place. */
  readonly as?: string | null;
  /** The database they are for. Default the source. */
  readonly at?: 'source' | 'store';
  /** Command lines, one after the other. */
  readonly command?: readonly string[];
  /** What to set where SQL can't: a provider's parameter, or an option of Colophon's. */
  readonly setting?: FixSetting;
  /** Whether the server has to be restarted afterwards. */
  readonly restart?: boolean;
}

/** A setting by its name, and the value that it should have. */
export interface FixSetting {
  readonly name: string;
  readonly value: string;
}

/** What to do: in words, and as a program can do it where it can. */
export interface Advice {
  readonly remedy: string;
  readonly fix: Fix | null;
}

/** Statements to run. `as`: the role, null for an administrator. `note` says more. */
export function runSql(sql: readonly string[], as: string | null, note = ''): Advice {
  return { remedy: `${sql.join('; ')}${note}`, fix: { sql, as } };
}

/** Command lines to run. */
export function runCommands(command: readonly string[], note = ''): Advice {
  return { remedy: `${command.join(', then ')}${note}`, fix: { command } };
}

/** What only a person can do. */
export function inWords(remedy: string): Advice {
  return { remedy, fix: null };
}
