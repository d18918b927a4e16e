import type { Scenario, Scene } from '../scene.js';

/** The server notes the transactions that run, as it does every 15 seconds: only then a slot lets go of its log. */
const NOTE_RUNNING = 'SELECT pg_log_standby_snapshot()';

async function initialise(scene: Scene, ...args: string[]): Promise<void> {
  await scene.sql('CREATE TABLE todo (id int PRIMARY KEY)');
  await scene.run(['init', '--tables', 'todo', ...args]);
}

/** Three segments of log: 48 MB, most of it never written. */
async function fillLog(scene: Scene): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await scene.sql(`SELECT pg_logical_emit_message(false, 'test', 'x')`, 'SELECT pg_switch_wal()');
  }
}

/** What is wrong with the slot, and what becomes of it. */
export const SLOT_SCENES: readonly Scenario[] = [
  { name: 'a slot that nobody reads', provokes: ['slot.inactive'], provoke: (scene) => initialise(scene) },
  {
    name: "another's slot",
    provokes: ['slot.unsuitable'],
    async provoke(scene) {
      await initialise(scene);
      await scene.sql(`SELECT pg_create_logical_replication_slot('theirs', 'test_decoding')`);
      scene.env.COLOPHON_SLOT = 'theirs';
    },
  },
  {
    name: 'a slot whose log may be removed',
    provokes: ['slot.unreserved'],
    nudge: NOTE_RUNNING,
    async provoke(scene) {
      await initialise(scene);
      await scene.sql(`ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'`, 'SELECT pg_reload_conf()');
      await fillLog(scene);
    },
    cleanUp: resetKeepSize,
  },
  {
    name: 'a slot whose log was removed',
    provokes: ['slot.lost'],
    async provoke(scene) {
      await initialise(scene);
      await scene.sql(`ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'`, 'SELECT pg_reload_conf()');
      await fillLog(scene);
      await scene.sql('CHECKPOINT');
    },
    cleanUp: resetKeepSize,
  },
  {
    name: 'a transaction for which the log is kept',
    provokes: ['slot.behind'],
    nudge: NOTE_RUNNING,
    async provoke(scene) {
      await initialise(scene);
      scene.env.COLOPHON_WARN_RETAINED = '20MB';
      const writer = await scene.session();
      await writer.query('BEGIN');
      await writer.query('INSERT INTO todo VALUES (1)');
      await scene.carryOut((await scene.doctor()).find(({ finding }) => finding === 'slot.inactive')!);
      await fillLog(scene);
    },
  },
  {
    name: 'a standby that is waited for',
    provokes: ['failover.held'],
    async provoke(scene) {
      await initialise(scene);
      await scene.sql(
        `SELECT pg_create_physical_replication_slot('a_standby')`,
        `ALTER SYSTEM SET synchronized_standby_slots = 'a_standby'`,
        'SELECT pg_reload_conf()',
      );
    },
    async cleanUp(scene) {
      await scene.sql('ALTER SYSTEM RESET synchronized_standby_slots', 'SELECT pg_reload_conf()');
      await scene.sql(`SELECT pg_drop_replication_slot('a_standby')`);
    },
  },
  {
    name: 'a slot that no standby keeps',
    provokes: ['failover.unkept'],
    async provoke(scene) {
      await initialise(scene, '--no-failover');
      await scene.sql(`SELECT pg_create_physical_replication_slot('a_standby')`);
    },
    async cleanUp(scene) {
      await scene.sql(`SELECT pg_drop_replication_slot('a_standby')`);
    },
  },
  {
    name: 'a server that gives up idle slots',
    provokes: ['retention.idle'],
    async provoke(scene) {
      await initialise(scene);
      await scene.sql(`ALTER SYSTEM SET idle_replication_slot_timeout = '1d'`, 'SELECT pg_reload_conf()');
    },
    async cleanUp(scene) {
      await scene.sql('ALTER SYSTEM RESET idle_replication_slot_timeout', 'SELECT pg_reload_conf()');
    },
  },
  {
    name: 'no room for a slot and a sender',
    provokes: ['slots.full', 'senders.full'],
    async provoke(scene) {
      await scene.sql(
        'CREATE TABLE todo (id int PRIMARY KEY)',
        `SELECT pg_create_physical_replication_slot('filled_' || n)
           FROM generate_series((SELECT count(*) + 1 FROM pg_replication_slots), current_setting('max_replication_slots')::int) n`,
      );
      await fillSenders(scene);
    },
    again: fillSenders,
    async cleanUp(scene) {
      await scene.sql(
        `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'filled%'`,
      );
    },
  },
];

/** As many as the server has by default. */
async function fillSenders(scene: Scene): Promise<void> {
  for (let i = 0; i < 10; i++) await scene.session({ replication: 'database' });
}

async function resetKeepSize(scene: Scene): Promise<void> {
  await scene.sql('ALTER SYSTEM RESET max_slot_wal_keep_size', 'SELECT pg_reload_conf()');
}
