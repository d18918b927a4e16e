import { Command, Option } from 'commander';
import type { CommandContext } from './command-context.js';
import type { CommonFlags } from './settings.js';

/** Gets a command's context ready and runs it. */
export type Runner = <Flags>(
  command: (context: CommandContext<Flags & CommonFlags>) => Promise<void>,
  flags: Flags & CommonFlags,
) => Promise<void>;

/** Each command's own code, read when it is called: what the others need is half of all that there is to read. */
const load = {
  init: async () => (await import('./commands/init.js')).init,
  tables: async () => (await import('./commands/tables.js')).tables,
  doctor: async () => (await import('./commands/doctor.js')).doctor,
  run: async () => (await import('./commands/run.js')).run,
  snapshot: async () => (await import('./commands/snapshot.js')).snapshot,
  status: async () => (await import('./commands/status.js')).status,
  tail: async () => (await import('./commands/tail.js')).tail,
  log: async () => (await import('./commands/log.js')).log,
  retention: async () => (await import('./commands/retention.js')).retention,
  role: async () => (await import('./commands/role.js')).role,
  importChanges: async () => (await import('./commands/import.js')).importChanges,
  drop: async () => (await import('./commands/drop.js')).drop,
};

const EXAMPLES = `
Settings come from flags, then COLOPHON_* variables, then colophon.config.{ts,js,json}.

  colophon init --source postgres://postgres@localhost/app --tables todo,sales.order
  colophon run
  colophon log --table todo --context user=42`;

/** The whole command line. */
export function createProgram(runner: Runner, version: string, talk: (line: string) => void): Command {
  const program = new Command('colophon')
    .exitOverride()
    .configureOutput({
      writeErr: (text) => talk(text.trimEnd()),
      outputError: (text, write) =>
        write(
          `colophon: ${text
            .replace(/^error: /, '')
            .trim()
            .replace(/\s*\n\s*/g, ' ')} [INVALID_OPTION]`,
        ),
    })
    .description('Every row change in PostgreSQL, with who made it, from where, and why.')
    .version(version)
    .helpCommand(false)
    .addHelpText('after', EXAMPLES);

  const add = <Flags>(
    name: string,
    description: string,
    command: () => Promise<(context: CommandContext<Flags & CommonFlags>) => Promise<void>>,
  ): Command =>
    program
      .command(name)
      .description(description)
      .allowExcessArguments(false)
      .option(
        '--source <url>',
        'database to audit: postgres://user:password@host/database (COLOPHON_SOURCE_URL, COLOPHON_SOURCE_URL_FILE, DATABASE_URL)',
      )
      .option(
        '--store <url>',
        'database of the store, if another than the source (COLOPHON_STORE_URL, COLOPHON_STORE_URL_FILE)',
      )
      .option('--config <file>', 'settings file instead of colophon.config.{ts,js,json}')
      .option(
        '--timeout <time>',
        'how long to wait for a server: 30, 500ms, 2m (COLOPHON_TIMEOUT; default 30 s)',
      )
      .option('--debug', 'show where an error comes from (COLOPHON_DEBUG)')
      // Before the flags come the arguments, by their names, for those that have some.
      .action(async (...given: unknown[]) => {
        const called = given.at(-1) as Command;
        const named = called.registeredArguments.map((argument, index) => [argument.name(), given[index]]);
        return runner(await command(), {
          ...(given.at(-2) as Flags & CommonFlags),
          ...Object.fromEntries(named),
        });
      });
  const names = (command: Command): Command =>
    command
      .option('--slot <name>', 'replication slot (COLOPHON_SLOT; default colophon)')
      .option('--publication <name>', 'publication (COLOPHON_PUBLICATION; default colophon)')
      // drop has little use for these two: it takes them so that one set of flags fits every command.
      .option(
        '--environment <label>',
        "the source's label in audit records: production, staging (COLOPHON_ENVIRONMENT)",
      )
      .option('--name <name>', "the source's name in audit records; default: the database's (COLOPHON_NAME)");
  const json = (command: Command): Command =>
    command.option('--json', 'data for programs: one JSON object a line');
  const filters = (command: Command): Command =>
    command
      .option('--table <name>', 'only this table: todo, sales.order')
      .option('--key <key>', 'only the row with this primary key: 7, or {"id": 7} (composite keys as JSON)')
      .addOption(
        new Option('--operation <operation>', 'only CREATE, UPDATE, DELETE or TRUNCATE; several with commas'),
      )
      .option(
        '--context <key=value>',
        'only changes in whose context key is value (as JSON, else as text); may be repeated',
        collect,
      )
      .option('--since <time>', 'only since then: 2026-11-23, 2026-11-23T10:00Z, or 2h (ago)')
      .option('--environment <name>', 'only of sources with this label')
      .option('--name <name>', 'only of the source with this name');

  names(add('init', 'make the store, publication, replica identities and slot', load.init))
    .option(
      '--tables <names>',
      'tables to track: todo,sales.*,!sales.tmp_* (names as they are; COLOPHON_TABLES)',
    )
    .option('--all-tables', 'track every table there is now (COLOPHON_ALL_TABLES)')
    .option(
      '--new-tables <policy>',
      'tables made later: auto, or manual (COLOPHON_NEW_TABLES; default manual)',
    )
    .option(
      '--replica-identity <kind>',
      'full: the whole row before a change is known; default: as the table has it (COLOPHON_REPLICA_IDENTITY)',
    )
    .option(
      '--no-failover',
      "make an ordinary slot, which standbys don't keep (COLOPHON_FAILOVER=no; 17 and later)",
    )
    .option('--no-ddl', 'without the event triggers that record DDL (COLOPHON_DDL=no)')
    .option('--snapshot', 'then copy the tables as they are, as colophon snapshot does')
    .option('--dry-run', 'print the SQL for the source instead of running it')
    .option('--print-sql', 'print a script of all of it, the store too, for somebody else to run with psql')
    .option('--yes', 'ask nothing');
  names(json(add('tables', 'the tables, which are tracked, and to track or untrack some', load.tables)))
    .argument('[action]', 'track or untrack; without, the tables are listed')
    .argument('[named...]', 'tables: todo sales.* (names as they are; a pattern in quotes)')
    .option('--new-tables <policy>', 'from now on tables made later are tracked: auto, or manual: not')
    .option('--tables <names>', 'with --new-tables auto: which ones, as of init (default: all)')
    .option('--replica-identity <kind>', 'as of init')
    .option('--dry-run', 'print the SQL for the source instead of running it')
    .option('--yes', 'ask nothing');
  names(json(add('doctor', 'look at everything that auditing needs, and say what to do', load.doctor)));
  names(add('run', 'read the changes and store them, until stopped', load.run))
    .option('--once', 'store everything up to now, then end')
    .option(
      '--sink <sink>',
      'store, or ndjson: audit records as JSON lines on standard output (default store)',
    )
    .option(
      '--prefix <prefixes>',
      'prefixes of emissions that count, with commas (COLOPHON_PREFIX; default colophon)',
    )
    .option(
      '--listen <address>',
      'serve /healthz, /readyz and /metrics there: 127.0.0.1:9187 (COLOPHON_LISTEN)',
    )
    .option('--log <form>', 'text, or json: a JSON object a line (COLOPHON_LOG; default text)')
    .option('--log-level <level>', 'debug, info, warn or error (COLOPHON_LOG_LEVEL; default info)')
    .option(
      '--warn-retained <size>',
      'warn when the source keeps so much WAL: 500MB, 0 for never (COLOPHON_WARN_RETAINED; default 1GB)',
    )
    .option('--verbose', 'say more of what happens: --log-level debug');
  names(
    json(add('snapshot', 'copy tables as they are now, for what was before the first change', load.snapshot)),
  )
    .argument(
      '[tables...]',
      'tables to copy: todo sales.order; default: every tracked one without a baseline',
    )
    .option('--chunk-rows <count>', 'most rows that one transaction reads (default 20000)')
    .action(async (named: string[], flags: CommonFlags) =>
      runner(await load.snapshot(), { ...flags, named }),
    );
  names(json(add('status', 'how far the source is read and stored', load.status)));
  filters(json(add('tail', 'show changes as they are stored, until stopped', load.tail))).option(
    '--lines <count>',
    'begin with so many of the latest (default 10)',
  );
  filters(json(add('log', 'show changes, the newest first', load.log)))
    .option('--until <time>', 'only before then')
    .option('--ddl', 'what was done to the schema instead of to rows')
    .option('--limit <count>', 'at most so many (default: 100 as a table, all as JSON)')
    .option('--reverse', 'the oldest first');
  json(
    add(
      'retention',
      'let old audit records go, month by month; without --apply only show them',
      load.retention,
    ),
  )
    .option('--keep <days>', 'months that ended longer ago go: 400d (COLOPHON_KEEP)')
    .option('--max-size <size>', 'the oldest months go beyond it: 50GB (COLOPHON_MAX_SIZE)')
    .option(
      '--ignore-source <name>',
      'a source that will store nothing again holds nothing back; may be repeated',
      collect,
    )
    .option(
      '--ignore-baseline <table>',
      "a table's baseline holds nothing back, and goes; may be repeated",
      collect,
    )
    .option('--apply', 'let them go')
    .option('--yes', 'ask nothing');
  add('role', 'make a role with the least rights: consumer, application, reader or retention', load.role)
    .argument(
      '<kind>',
      'consumer: for run; application: for what emits; reader: for log, tail and SQL; retention: for retention',
    )
    .option('--role-name <name>', 'default colophon_consumer, colophon_application, …')
    .option('--password-stdin', 'its password is the first line of standard input')
    .option('--publication <name>', 'publication (COLOPHON_PUBLICATION; default colophon)')
    .option('--for-snapshot', 'also SELECT on the published tables')
    .option('--dry-run', 'print the SQL instead of running it');
  add('import', 'take in the history that another audit trail kept: bemi or table', load.importChanges)
    .argument('<kind>', "bemi: Bemi's changes; table: an audit table of triggers or a library")
    .option('--from <url>', 'database that it is read from (COLOPHON_FROM_URL)')
    .option('--table <name>', "table that is read: audit.log; default: Bemi's or the preset's")
    .option('--preset <name>', 'wiki, supa-audit or paper-trail: which columns say what, where that is known')
    .option('--map <file>', 'JSON that says which columns say what, over the preset')
    .option('--until <time>', 'only what was committed before: 2026-11-23T10:00Z, 2h (ago)')
    .option('--name <name>', "the source's name in audit records; default: the database's")
    .option('--environment <label>', "the source's label in audit records (default imported)")
    .option('--max-bad-rows <count>', "leave out so many rows that can't be read, each named (default 0)")
    .option('--dry-run', 'show the first changes as they would be, and store nothing')
    .option(
      '--print-cleanup',
      "print the SQL that takes Bemi's triggers, publication and slot from the source",
    );
  names(add('drop', 'take away slot and publication, and put replica identities back', load.drop))
    .option('--store-too', 'also the store, with every audit record in it')
    .option('--every-source', 'with --store-too: also where the store has the records of other sources')
    .option('--dry-run', 'print the SQL for the source instead of running it')
    .option('--yes', 'ask nothing');
  return program;
}

function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}
