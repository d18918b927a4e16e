import { as } from '../../roles/role-server.js';
import type { Scenario } from '../scene.js';

const TODO = 'CREATE TABLE todo (id int PRIMARY KEY, title text)';

/** What is wrong with the source's own settings, roles, publication and tables. */
export const SOURCE_SCENES: readonly Scenario[] = [
  {
    name: 'limits and settings of the role',
    provokes: [
      'sender-timeout.short',
      'connections.role',
      'connections.database',
      'timeouts.transaction',
      'rights.missing',
    ],
    async provoke(scene) {
      await scene.sql(TODO);
      await scene.run(['init', '--tables', 'todo']);
      await scene.sql(
        'CREATE ROLE limited LOGIN REPLICATION CONNECTION LIMIT 6',
        `ALTER ROLE limited SET wal_sender_timeout = '5s'`,
        `ALTER ROLE limited SET transaction_timeout = '30s'`,
        `ALTER DATABASE ${scene.database} CONNECTION LIMIT 6`,
      );
      scene.url = as(scene.url, 'limited');
    },
  },
  {
    name: 'a role that is read-only by default, and one right less in the store',
    provokes: ['read-only.default', 'rights.missing'],
    async provoke(scene) {
      await scene.sql(TODO);
      await scene.run(['init', '--tables', 'todo']);
      await scene.run(['role', 'consumer', '--role-name', 'reading']);
      await scene.sql(
        'ALTER ROLE reading SET default_transaction_read_only = on',
        'REVOKE INSERT ON colophon.change_records FROM reading',
      );
      scene.url = as(scene.url, 'reading');
    },
  },
  {
    name: 'a replication connection that is refused',
    provokes: ['replication.right'],
    async provoke(scene) {
      await scene.sql(TODO);
      await scene.run(['init', '--tables', 'todo']);
      // By this membership Amazon's servers would let it in; this one doesn't.
      await scene.sql('CREATE ROLE rds_replication', 'CREATE ROLE member LOGIN IN ROLE rds_replication');
      await scene.sql('GRANT colophon_owner TO member');
      scene.url = as(scene.url, 'member');
    },
    async cleanUp(scene) {
      await scene.sql('REVOKE colophon_owner FROM member', 'DROP ROLE rds_replication');
    },
  },
  {
    name: "what init made, changed by another's hand",
    provokes: [
      'publication.operations',
      'publication.via-root',
      'publication.generated',
      'ddl.broken',
      'tables.unpublished',
      'identity.unusable',
      'identity.partial',
      'key.none',
    ],
    async provoke(scene) {
      await scene.sql(
        'CREATE TABLE a (id int PRIMARY KEY)',
        'CREATE TABLE b (v int)',
        'CREATE TABLE "c, old" (id int PRIMARY KEY)',
        'CREATE TABLE late (id int PRIMARY KEY)',
        'CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)',
      );
      const tables = 'a,b,"c, old",deferred';
      await scene.run(['init', '--tables', tables]);
      scene.env.COLOPHON_TABLES = `${tables},late`;
      await scene.sql(
        'ALTER EVENT TRIGGER colophon_ddl DISABLE',
        'ALTER TABLE a REPLICA IDENTITY NOTHING',
        'ALTER TABLE "c, old" REPLICA IDENTITY DEFAULT',
        `ALTER PUBLICATION colophon SET (publish = 'insert', publish_via_partition_root = true, publish_generated_columns = none)`,
      );
    },
  },
  {
    name: "another's publication, and a table that can have no identity",
    provokes: [
      'publication.operations',
      'publication.via-root',
      'publication.generated',
      'publication.partial',
      'identity.unusable',
    ],
    async provoke(scene) {
      await scene.sql(
        'CREATE ROLE publisher LOGIN',
        `GRANT CREATE ON DATABASE ${scene.database} TO publisher`,
        'GRANT ALL ON SCHEMA public TO publisher',
        'SET ROLE publisher',
        TODO,
        'CREATE TABLE computed (v int, twice int GENERATED ALWAYS AS (v * 2) VIRTUAL)',
        `CREATE PUBLICATION colophon FOR TABLE todo WHERE (id > 1), computed WITH (publish = 'insert', publish_via_partition_root = true)`,
      );
    },
    async cleanUp(scene) {
      await scene.sql('DROP OWNED BY publisher CASCADE', 'DROP ROLE publisher');
    },
  },
  {
    name: 'a publication of all tables, an unlogged one among them',
    provokes: ['publication.all-tables', 'unlogged.published'],
    async provoke(scene) {
      await scene.sql(
        TODO,
        'CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY)',
        'CREATE PUBLICATION colophon FOR ALL TABLES WITH (publish_generated_columns = stored)',
      );
    },
  },
  {
    name: 'a publication of nothing',
    provokes: ['publication.empty', 'slot.missing'],
    async provoke(scene) {
      await scene.sql(TODO, 'CREATE PUBLICATION colophon WITH (publish_generated_columns = stored)');
    },
  },
  {
    name: 'a slot without its publication',
    provokes: ['publication.missing'],
    async provoke(scene) {
      await scene.sql(TODO, `SELECT pg_create_logical_replication_slot('colophon', 'pgoutput')`);
    },
  },
  {
    name: 'transactions that stay open',
    provokes: ['transactions.open', 'transactions.prepared'],
    async provoke(scene) {
      await scene.sql(TODO);
      scene.env.COLOPHON_TIMEOUT = '5';
      const writer = await scene.session();
      await writer.query('BEGIN');
      await writer.query('INSERT INTO todo VALUES (1)');
      await scene.sql(`BEGIN; INSERT INTO todo VALUES (2); PREPARE TRANSACTION 'two''s'`);
      // Older than --timeout: as long as that takes.
      const names = () => scene.doctor().then((checks) => checks.map(({ finding }) => finding));
      while (!(await names()).includes('transactions.prepared'));
    },
  },
];
