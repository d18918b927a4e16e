import { createConsumer, type RedactionRules } from '@colophon/core';
import type { RememberedRelation } from '@colophon/protocol';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { RecordingSink } from '../core/recording-sink.js';
import { createSource, type SourceFixture } from '../core/source-fixture.js';

let source: SourceFixture;
beforeEach(async () => {
  source = await createSource(
    inject('serverUrl'),
    'CREATE TABLE person (id int PRIMARY KEY, pin text, note text); CREATE TABLE plain (id int PRIMARY KEY, pin text)',
  );
});
afterEach(() => source.drop());

const consumerOf = (
  sink: RecordingSink,
  tables: NonNullable<RedactionRules['tables']>,
  told: string[] = [],
) => {
  const tell = (details: object, message: string) => void told.push(JSON.stringify(details) + message);
  const logger = { debug: tell, info: tell, warn: tell, error: tell };
  return createConsumer({ source: source.url, slot: source.slot, sink, redact: { tables }, logger });
};
const impossible = expect.objectContaining({ code: 'REDACTION_IMPOSSIBLE', retryable: false });

/** Keeps what it is to remember of tables beyond its own life, the last of each. */
class RememberingSink extends RecordingSink {
  constructor(private readonly remembered: Map<number, RememberedRelation>) {
    super();
  }
  recallRelations = async () => [...this.remembered.values()];
  rememberRelations = async (relations: readonly RememberedRelation[]) => {
    for (const relation of relations) this.remembered.set(relation.oid, relation);
  };
}

/** Runs the SQL while a consumer with these rules works, and gives what it stored. */
async function storedOf(
  sql: readonly string[],
  tables: NonNullable<RedactionRules['tables']>,
  told: string[] = [],
  remembered?: Map<number, RememberedRelation>,
): Promise<string[]> {
  const sink = remembered === undefined ? new RecordingSink() : new RememberingSink(remembered);
  const consumer = consumerOf(sink, tables, told);
  const run = consumer.run();
  await consumer.drain(30_000);
  for (const statement of sql) await source.client.query(statement);
  await consumer.drain(30_000);
  await consumer.stop();
  await run;
  return sink.stored.map(({ relation, before, after }) => `${relation.table} ${before} ${after}`);
}

describe('rules', () => {
  it('follow a column through renaming, dropping and making it anew, and say so', async () => {
    const told: string[] = [];
    const stored = await storedOf(
      [
        `INSERT INTO person VALUES (1, 'S3CRET', 'a')`,
        'BEGIN; ALTER TABLE person RENAME COLUMN pin TO code',
        `UPDATE person SET code = 'S3CRET2'; COMMIT`,
        `ALTER TABLE person ADD COLUMN extra text; UPDATE person SET code = 'S3CRET3', extra = 'x'`,
        `ALTER TABLE person DROP COLUMN code; UPDATE person SET note = 'b'`,
        `ALTER TABLE person ADD COLUMN pin text; UPDATE person SET pin = 'S3CRET4'`,
      ],
      { person: { pin: 'drop' } },
      told,
    );
    expect(stored.join('\n')).not.toContain('S3CRET');
    expect(stored.slice(1)).toEqual([
      'person {"id":1,"note":"a"} {"id":1,"note":"a"}',
      'person {"id":1,"note":"a","extra":null} {"id":1,"note":"a","extra":"x"}',
      'person {"id":1,"note":"a","extra":"x"} {"id":1,"note":"b","extra":"x"}',
      'person {"id":1,"note":"b","extra":"x"} {"id":1,"note":"b","extra":"x"}',
    ]);
    expect(told.join()).toContain('{"schema":"public","table":"person","column":"pin","redacted":["code"]}');
  });

  it('follow a column whose name another takes at once, and hold for that one too', async () => {
    const told: string[] = [];
    const stored = await storedOf(
      [
        `INSERT INTO person VALUES (1, 'S3CRET', 'a')`,
        // Out with the old: nothing is written between the two.
        'BEGIN; ALTER TABLE person RENAME COLUMN pin TO pin_old; ALTER TABLE person ADD COLUMN pin text; COMMIT',
        `UPDATE person SET pin = 'S3CRET2'`,
        // In with the new, made ready before.
        'ALTER TABLE person ADD COLUMN pin_new text',
        `BEGIN; ALTER TABLE person RENAME COLUMN pin TO pin_older; ALTER TABLE person RENAME COLUMN pin_new TO pin; COMMIT`,
        `UPDATE person SET pin = 'S3CRET3', note = 'b'`,
        // And back.
        `BEGIN; ALTER TABLE person RENAME COLUMN pin TO pin_newer; ALTER TABLE person RENAME COLUMN pin_older TO pin; COMMIT`,
        `UPDATE person SET note = 'c'`,
        // Two change names.
        `BEGIN; ALTER TABLE person RENAME COLUMN pin TO x; ALTER TABLE person RENAME COLUMN note TO pin;
         ALTER TABLE person RENAME COLUMN x TO note; UPDATE person SET pin = 'd'; COMMIT`,
        `ALTER TABLE person ADD COLUMN plain text; UPDATE person SET plain = 'e'`,
      ],
      { person: { pin: 'mask' } },
      told,
    );
    expect(stored.join('\n')).not.toContain('S3CRET');
    const after = stored.map((line) => JSON.parse(line.slice(line.lastIndexOf(' {') + 1)));
    expect(after).toEqual([
      { id: 1, pin: '***', note: 'a' },
      { id: 1, pin_old: '***', note: 'a', pin: '***' },
      { id: 1, pin_old: '***', note: 'b', pin_older: '***', pin: '***' },
      { id: 1, pin_old: '***', note: 'c', pin: '***', pin_newer: '***' },
      { id: 1, pin_old: '***', pin: '***', note: '***', pin_newer: '***' },
      { id: 1, pin_old: '***', pin: '***', note: '***', pin_newer: '***', plain: 'e' },
    ]);
    expect(told.join()).toContain('"column":"pin","redacted":["pin_old"]');
  });

  it('follow it also where the catalog has long gone on', async () => {
    const sink = new RecordingSink();
    await source.client.query(`INSERT INTO person VALUES (1, 'S3CRET', 'a')`);
    for (const sql of [
      'ALTER TABLE person RENAME COLUMN pin TO pin_old; ALTER TABLE person ADD COLUMN pin text',
      `ALTER TABLE person RENAME COLUMN pin TO pin_older; ALTER TABLE person ADD COLUMN pin text`,
      'ALTER TABLE person DROP COLUMN pin_old',
    ]) {
      await source.client.query(sql);
      await source.client.query(`UPDATE person SET pin = 'S3CRET'`);
    }
    await source.client.query(`ALTER TABLE person DROP COLUMN pin_older`);
    const consumer = consumerOf(sink, { person: { pin: 'drop' } });
    const run = consumer.run();
    await consumer.drain(30_000);
    await consumer.stop();
    await run;
    expect(sink.stored.map(({ before, after }) => before + after)).toEqual([
      '{}{"id":1,"note":"a"}',
      ...Array(3).fill('{"id":1,"note":"a"}{"id":1,"note":"a"}'),
    ]);
  });

  it('of a partitioned table hold for a partition that was detached, or is gone, when its rows are read', async () => {
    await source.client.query(`CREATE TABLE parted (id int, pin text) PARTITION BY RANGE (id);
      CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
      CREATE TABLE other (id int, pin text)`);
    const tables = { parted: { pin: 'drop' } } as const;
    const stored = await storedOf(
      [
        `BEGIN; INSERT INTO parted VALUES (1, 'S3CRET'); ALTER TABLE parted DETACH PARTITION parted_1; COMMIT`,
      ],
      tables,
    );
    await source.client.query(`CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
      INSERT INTO parted VALUES (101, 'S3CRET'); INSERT INTO other VALUES (1, 'plain')`);
    await source.client.query('DROP TABLE parted_2');
    stored.push(...(await storedOf([], tables)));
    expect(stored).toEqual([
      'parted_1 {} {"id":1}',
      'parted_2 {} {"id":101}',
      'other {} {"id":1,"pin":"plain"}',
    ]);
  });

  it('follow a table through renaming, and hold for the one that takes its name', async () => {
    const stored = await storedOf(
      [
        'ALTER TABLE person RENAME TO human',
        `INSERT INTO human VALUES (1, 'S3CRET', 'a')`,
        'CREATE TABLE person (id int PRIMARY KEY, pin text)',
        `INSERT INTO person VALUES (2, 'S3CRET')`,
        'CREATE SCHEMA other; ALTER TABLE human SET SCHEMA other',
        `INSERT INTO other.human VALUES (3, 'S3CRET', 'c')`,
      ],
      { person: { pin: 'drop' } },
    );
    expect(stored).toEqual([
      'human {} {"id":1,"note":"a"}',
      'person {} {"id":2}',
      'human {} {"id":3,"note":"c"}',
    ]);
  });

  it('follow a table that was renamed while nobody read, however often it is begun anew', async () => {
    await source.client.query(`INSERT INTO person VALUES (1, 'S3CRET', 'a')`);
    const tables = { person: { pin: 'drop' } } as const;
    const remembered = new Map<number, RememberedRelation>();
    expect(await storedOf([], tables, [], remembered)).toEqual(['person {} {"id":1,"note":"a"}']);
    await source.client.query('ALTER TABLE person RENAME TO human; CREATE TABLE person (LIKE human)');
    for (const id of [2, 3, 4]) {
      await source.client.query(`INSERT INTO human VALUES (${id}, 'S3CRET', 'a')`);
      expect(await storedOf([], tables, [], remembered)).toEqual([`human {} {"id":${id},"note":"a"}`]);
    }
    // Nor does a rule of its own take it away, or ask for columns that it needn't have.
    await source.client.query(
      `ALTER TABLE human RENAME COLUMN pin TO code; INSERT INTO human VALUES (5, 'S3CRET', 'a')`,
    );
    expect(await storedOf([], { ...tables, human: { code: 'drop' } }, [], remembered)).toEqual([
      'human {} {"id":5,"note":"a"}',
    ]);
  });

  it('follow a table, or a partition, that was renamed or detached before its first row', async () => {
    await source.client.query(`CREATE TABLE parted (id int, pin text) PARTITION BY RANGE (id);
      CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100)`);
    const tables = { person: { pin: 'drop' }, parted: { pin: 'drop' } } as const;
    const remembered = new Map<number, RememberedRelation>();
    // Something is stored, and with it what was seen.
    const [plain] = await storedOf([`INSERT INTO plain VALUES (1, 'a')`], tables, [], remembered);
    expect(plain).toBe('plain {} {"id":1,"pin":"a"}');
    await source.client.query(`ALTER TABLE person RENAME TO human; CREATE TABLE person (LIKE human);
      ALTER TABLE parted DETACH PARTITION parted_1; ALTER TABLE parted_1 RENAME TO archive`);
    for (const id of [1, 2]) {
      await source.client.query(
        `INSERT INTO human VALUES (${id}, 'S3CRET', 'a'); INSERT INTO archive VALUES (${id}, 'S3CRET')`,
      );
      expect(await storedOf([], tables, [], remembered)).toEqual([
        `human {} {"id":${id},"note":"a"}`,
        `archive {} {"id":${id}}`,
      ]);
    }
  });

  it('for every table follow a renamed column too', async () => {
    const stored = await storedOf(
      [
        `INSERT INTO plain VALUES (1, 'S3CRET')`,
        'ALTER TABLE plain RENAME COLUMN pin TO code',
        `INSERT INTO plain VALUES (2, 'S3CRET')`,
      ],
      { '*': { pin: 'mask' } },
    );
    expect(stored).toEqual(['plain {} {"id":1,"pin":"***"}', 'plain {} {"id":2,"code":"***"}']);
  });

  it('hold after a lost connection as before it', async () => {
    const sink = new RecordingSink();
    const consumer = consumerOf(sink, { person: { pin: 'drop' } });
    const run = consumer.run();
    await source.client.query(`INSERT INTO person VALUES (1, 'S3CRET', 'a')`);
    await consumer.drain(30_000);
    await source.client.query('ALTER TABLE person RENAME COLUMN pin TO code');
    await source.client.query(`INSERT INTO person VALUES (2, 'S3CRET', 'b')`);
    await consumer.drain(30_000);
    await source.client.query('ALTER TABLE person RENAME TO human');
    const lost = new Promise((resolve) =>
      consumer.on('state', (state) => state === 'retrying' && resolve(state)),
    );
    await source.client.query(
      'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1',
      [source.slot],
    );
    await lost;
    await source.client.query(`INSERT INTO human VALUES (3, 'S3CRET', 'c')`);
    await consumer.drain(30_000);
    await consumer.stop();
    await run;
    expect(sink.stored.map(({ after }) => after)).toEqual(
      ['a', 'b', 'c'].map((note, index) => `{"id":${index + 1},"note":"${note}"}`),
    );
  });
});

describe('what cannot be followed lets nothing through', () => {
  it.each([
    ['a misspelt column', { person: { pni: 'drop' } }, /table person has no column pni/],
    ['a misspelt table', { persn: { pin: 'drop' } }, /there is no table persn/],
    ['a table in another schema', { 'sales.person': { pin: 'drop' } }, /there is no table sales\.person/],
  ] as const)('%s', async (_, tables, message) => {
    await source.client.query(`INSERT INTO person VALUES (1, 'S3CRET', 'a')`);
    const sink = new RecordingSink();
    const failure = await consumerOf(sink, tables)
      .run()
      .catch((error: Error) => error);
    expect(failure).toEqual(impossible);
    expect((failure as Error).message).toMatch(message);
    expect(sink.stored).toEqual([]);
  });

  it('a row from before the column had its name: only where the rule allows for it', async () => {
    await source.client.query(`INSERT INTO person VALUES (1, 'S3CRET', 'a')`);
    await source.client.query('ALTER TABLE person RENAME COLUMN pin TO code');
    const sink = new RecordingSink();
    const failure = await consumerOf(sink, { person: { code: 'drop' } })
      .run()
      .catch((error: Error) => error);
    expect(failure).toEqual(impossible);
    expect(sink.stored).toEqual([]);
    const stored = await storedOf([], {
      person: { code: { by: 'drop', mayBeMissing: true }, pin: { by: 'drop', mayBeMissing: true } },
    });
    expect(stored).toEqual(['person {} {"id":1,"note":"a"}']);
  });

  it('rules that are no rules are refused before anything is connected', () => {
    const sink = new RecordingSink();
    for (const tables of [{ person: { pin: 'hash' } }, { person: { pin: 'none' } }, { person: 'drop' }]) {
      expect(() => consumerOf(sink, tables as never)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      );
    }
  });
});
