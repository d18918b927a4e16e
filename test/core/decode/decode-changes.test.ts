import type { RememberedRelation } from '@colophon/protocol';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { DecodedRow } from '../../../packages/core/src/decode/row-decoder.js';
import { DecodedSource } from './decoded-source.js';

let source: DecodedSource;
beforeAll(async () => {
  source = await DecodedSource.create(inject('serverUrl'));
});
afterAll(() => source.drop());

const LONG = `repeat('long "text" ', 20000)`;
/** Stored out of line and not compressed: an update that leaves it alone does not carry it. */
const OUT_OF_LINE = 'ALTER COLUMN big SET STORAGE EXTERNAL';

async function changesOf(sql: string): Promise<DecodedRow[]> {
  await source.run(sql);
  return source.changes();
}

const keysOf = (changes: readonly DecodedRow[]) =>
  changes.map(({ operation, key, primaryKey }) => `${operation} ${key} ${primaryKey}`);

describe('keys', () => {
  it('are the primary key from the catalog, in its own order, whatever the identity marks', async () => {
    const changes = await changesOf(`
      CREATE TABLE ordered (a int, b text, "c""c" int, d int, PRIMARY KEY (d, b) INCLUDE (a));
      ALTER TABLE ordered REPLICA IDENTITY FULL;
      INSERT INTO ordered VALUES (1, 'x"', 3, 4);
      UPDATE ordered SET d = 5;
      DELETE FROM ordered;
      CREATE TABLE keyless (a int); ALTER TABLE keyless REPLICA IDENTITY FULL;
      INSERT INTO keyless VALUES (1); UPDATE keyless SET a = 2; DELETE FROM keyless`);
    expect(changes[0]!.relation.keyColumns).toEqual(['d', 'b']);
    expect(keysOf(changes)).toEqual([
      String.raw`CREATE {"d":4,"b":"x\""} {"b": "x\"", "d": 4}`,
      String.raw`UPDATE {"d":5,"b":"x\""} {"b": "x\"", "d": 5}`,
      String.raw`DELETE {"d":5,"b":"x\""} {"b": "x\"", "d": 5}`,
      'CREATE {} null',
      'UPDATE {} null',
      'DELETE {} null',
    ]);
  });

  it('are printed as key::text in PostgreSQL, for every type that a key can have', async () => {
    const types: Record<string, string> = {
      bool: "'t'",
      int8: "'-9223372036854775808'",
      numeric: "'-0012.3400'",
      float4: "'1e+20'",
      float8: "'-1.5e-300'",
      text: String.raw`E'a"\\b\n\t\x01\x7f ü'`,
      timestamptz: "'0044-03-15 10:11:12.5+00 BC'",
      jsonb: String.raw`'{"bb": [1.0, 1e5, "x"], "a": {"c": null, "": "\u00e9"}, "b": 2}'`,
      'int[]': "'[2:3]={1,NULL}'",
      int4range: "'[1,5)'",
      bytea: String.raw`'\x00ff'`,
      uuid: "'00000000-0000-0000-0000-00000000000a'",
      inet: "'10.0.0.1/8'",
      'numeric[]': "'{NaN,1e10,0.00}'",
      'float8[]': "'{-0,1e+300,0.1,-1e-10}'",
    };
    for (const [i, [type, value]] of Object.entries(types).entries()) {
      await source.run(`
        CREATE TABLE key_${i} (id ${type}, "längerer Name" ${type}, zz int, PRIMARY KEY ("längerer Name", zz, id));
        INSERT INTO key_${i} VALUES (${value}, ${value}, 7);
        CREATE TABLE single_${i} (id ${type} PRIMARY KEY);
        INSERT INTO single_${i} VALUES (${value})`);
      const [composite, single] = await source.changes();
      const [wanted] = await source.rows<{ composite: string; single: string }>(
        `SELECT jsonb_build_object('id', k.id, 'längerer Name', k."längerer Name", 'zz', k.zz)::text AS composite, s.id::text AS single
         FROM key_${i} k, single_${i} s`,
      );
      const [same] = await source.rows<{ same: boolean }>('SELECT $1::jsonb::text = $2 AS same', [
        composite!.key,
        composite!.primaryKey,
      ]);
      expect({ composite: composite!.primaryKey, single: single!.primaryKey }, type).toEqual(wanted);
      expect(same).toEqual({ same: true });
    }
  });

  it('follow what identity DEFAULT and an index carry', async () => {
    const byDefault = await changesOf(`
      CREATE TABLE by_default (a text, b int, id int, PRIMARY KEY (id, b));
      INSERT INTO by_default VALUES ('x', 1, 2); UPDATE by_default SET a = 'y'; UPDATE by_default SET b = 3; DELETE FROM by_default`);
    expect(byDefault.map(({ key, before, after }) => [key, before, after])).toEqual([
      ['{"id":2,"b":1}', '{}', '{"a":"x","b":1,"id":2}'],
      ['{"id":2,"b":1}', '{}', '{"a":"y","b":1,"id":2}'],
      ['{"id":2,"b":3}', '{"b":1,"id":2}', '{"a":"y","b":3,"id":2}'],
      ['{"id":2,"b":3}', '{"b":3,"id":2}', '{}'],
    ]);
    const byIndex = await changesOf(`
      CREATE TABLE by_index (id int PRIMARY KEY, code text NOT NULL UNIQUE, n int);
      ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_code_key;
      INSERT INTO by_index VALUES (1, 'c', 5); UPDATE by_index SET id = 2; UPDATE by_index SET code = 'd'; DELETE FROM by_index`);
    expect(byIndex.map(({ key, primaryKey, before }) => [key, primaryKey, before])).toEqual([
      ['{"id":1}', '1', '{}'],
      ['{"id":2}', '2', '{}'],
      ['{"id":2}', '2', '{"code":"c"}'],
      // The key isn't in the stream: none, rather than a null one.
      ['{}', null, '{"code":"d"}'],
    ]);
  });

  it('survive what happens to the table after the change was written', async () => {
    await source.run(`
      CREATE TABLE later (id int, name text, code int NOT NULL, CONSTRAINT later_key PRIMARY KEY (id));
      ALTER TABLE later REPLICA IDENTITY FULL;
      INSERT INTO later VALUES (1, 'a', 7);
      ALTER TABLE later RENAME COLUMN id TO number;
      INSERT INTO later VALUES (2, 'b', 8);
      ALTER TABLE later RENAME TO renamed;
      INSERT INTO renamed VALUES (3, 'c', 9);
      ALTER TABLE renamed DROP CONSTRAINT later_key, ADD PRIMARY KEY (code);
      INSERT INTO renamed VALUES (4, 'd', 10)`);
    const changes = await source.changes();
    // By today's catalog the key is the code.
    expect(changes.map(({ relation, key }) => [relation.table, key])).toEqual([
      ['later', '{"code":7}'],
      ['later', '{"code":8}'],
      ['renamed', '{"code":9}'],
      ['renamed', '{"code":10}'],
    ]);
    const renamed = await changesOf(`
      CREATE TABLE moved (name text, id int PRIMARY KEY); ALTER TABLE moved REPLICA IDENTITY FULL;
      INSERT INTO moved VALUES ('a', 1); ALTER TABLE moved RENAME COLUMN id TO number; ALTER TABLE moved ADD COLUMN x int;
      INSERT INTO moved VALUES ('b', 2, 3)`);
    expect(renamed.map(({ key }) => key)).toEqual(['{"id":1}', '{"number":2}']);
    const byDefault = await changesOf(`
      CREATE TABLE dropped_key (b int, a int, PRIMARY KEY (a, b)); INSERT INTO dropped_key VALUES (1, 2);
      ALTER TABLE dropped_key DROP CONSTRAINT dropped_key_pkey; INSERT INTO dropped_key VALUES (3, 4)`);
    expect(byDefault.map(({ primaryKey }) => primaryKey)).toEqual(['{"a": 2, "b": 1}', null]);
    const byFull = await changesOf(`
      CREATE TABLE dropped_full (a int PRIMARY KEY); ALTER TABLE dropped_full REPLICA IDENTITY FULL; INSERT INTO dropped_full VALUES (1)`);
    await source.run(
      'ALTER TABLE dropped_full DROP CONSTRAINT dropped_full_pkey; INSERT INTO dropped_full VALUES (2)',
    );
    expect([...byFull, ...(await source.changes())].map(({ primaryKey }) => primaryKey)).toEqual(['1', null]);
  });

  it('of dropped tables are remembered across restarts, and a new table of the same name is another', async () => {
    await changesOf(`
      CREATE TABLE gone (v text, id int PRIMARY KEY); ALTER TABLE gone REPLICA IDENTITY FULL; INSERT INTO gone VALUES ('a', 1)`);
    const remembered = source.catalog.takeRemembered();
    expect(remembered.find(({ table }) => table === 'gone')?.keyColumns).toEqual(['id']);
    await source.run(`
      UPDATE gone SET v = 'b'; DROP TABLE gone;
      CREATE TABLE gone (id int, v text PRIMARY KEY); ALTER TABLE gone REPLICA IDENTITY FULL; INSERT INTO gone VALUES (1, 'c')`);
    source.catalog = source.newCatalog();
    source.catalog.recall(JSON.parse(JSON.stringify(remembered)) as RememberedRelation[]);
    const changes = await source.changes();
    expect(changes.map(({ key, relation }) => [key, relation.table])).toEqual([
      ['{"id":1}', 'gone'],
      ['{"v":"c"}', 'gone'],
    ]);
    expect(new Set(changes.map(({ relation }) => relation.oid)).size).toBe(2);
    await source.run(
      'CREATE TABLE unseen (id int PRIMARY KEY, v text); INSERT INTO unseen VALUES (1); DROP TABLE unseen',
    );
    expect(keysOf(await source.changes())).toEqual(['CREATE {"id":1} 1']);
  });
});

describe('unchanged TOAST', () => {
  it('is taken from the old row with identity FULL, and named as unchanged without it', async () => {
    const table = (name: string, identity: string) => `
      CREATE TABLE ${name} (id int PRIMARY KEY, big text, n int, also text NOT NULL); ALTER TABLE ${name} ${OUT_OF_LINE};
      CREATE UNIQUE INDEX ${name}_unique ON ${name} (also); ALTER TABLE ${name} REPLICA IDENTITY ${identity};
      INSERT INTO ${name} VALUES (1, ${LONG}, 1, 'k'); UPDATE ${name} SET n = 2; UPDATE ${name} SET id = 5, also = 'l'; UPDATE ${name} SET big = 'short'`;
    const full = await changesOf(table('toast_full', 'FULL'));
    const [row] = await source.rows<{ long: string }>(`SELECT to_jsonb(${LONG})::text AS long`);
    expect(full[1]!.after).toBe(`{"id":1,"big":${row!.long},"n":2,"also":"k"}`);
    expect(full[1]!.before).toBe(`{"id":1,"big":${row!.long},"n":1,"also":"k"}`);
    expect(full.map(({ unchanged }) => unchanged)).toEqual([[], [], [], []]);
    for (const [name, identity] of [
      ['toast_default', 'DEFAULT'],
      ['toast_index', 'USING INDEX toast_index_unique'],
    ] as const) {
      const changes = await changesOf(table(name, identity));
      expect(changes.map(({ unchanged }) => unchanged)).toEqual([[], ['big'], ['big'], []]);
      expect(changes[1]!.after).toBe('{"id":1,"n":2,"also":"k"}');
      expect(changes[2]!.after).toBe('{"id":5,"n":2,"also":"l"}');
      expect(changes.every(({ primaryKey }) => primaryKey !== null)).toBe(true);
    }
  });

  it('of a key column is still the key', async () => {
    const long = `(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 70) g)`;
    for (const identity of ['DEFAULT', 'FULL']) {
      const name = `toast_key_${identity.toLowerCase()}`;
      const changes = await changesOf(`
        CREATE TABLE ${name} (big text PRIMARY KEY, filler text, n int); ALTER TABLE ${name} ${OUT_OF_LINE};
        ALTER TABLE ${name} REPLICA IDENTITY ${identity};
        INSERT INTO ${name} VALUES (${long}, repeat('x', 1000), 1); UPDATE ${name} SET n = 2`);
      const [row] = await source.rows<{ big: string }>(`SELECT big FROM ${name}`);
      expect(changes[1]!.primaryKey === row!.big).toBe(true);
      expect(changes[1]!.unchanged).toEqual([]);
      expect((JSON.parse(changes[1]!.after) as { big: string }).big === row!.big).toBe(true);
    }
  });
});

describe('partitions', () => {
  const namesOf = (changes: readonly DecodedRow[]) =>
    changes.map(
      ({ operation, relation }) => `${operation} ${relation.schema}.${relation.table} ${relation.partition}`,
    );

  it('are named after their root, each leaf beside it; one record a leaf for a TRUNCATE', async () => {
    const changes = await changesOf(`
      CREATE SCHEMA archive;
      CREATE TABLE tree (id int, at date, v text, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
      CREATE TABLE tree_2023 PARTITION OF tree FOR VALUES FROM ('2023-01-01') TO ('2024-01-01') PARTITION BY LIST (id);
      CREATE TABLE archive.tree_2023_1 PARTITION OF tree_2023 FOR VALUES IN (1);
      CREATE TABLE tree_other PARTITION OF tree DEFAULT;
      ALTER TABLE archive.tree_2023_1 REPLICA IDENTITY FULL; ALTER TABLE tree_other REPLICA IDENTITY FULL;
      INSERT INTO tree VALUES (1, '2023-05-05', 'a'), (2, '2024-05-05', 'b');
      UPDATE tree SET at = '2025-05-05' WHERE id = 1;
      TRUNCATE tree`);
    // The order within a TRUNCATE is the server's.
    expect([...namesOf(changes.slice(0, 4)), ...namesOf(changes.slice(4)).sort()]).toEqual([
      'CREATE public.tree archive.tree_2023_1',
      'CREATE public.tree tree_other',
      'DELETE public.tree archive.tree_2023_1',
      'CREATE public.tree tree_other',
      'TRUNCATE public.tree archive.tree_2023_1',
      'TRUNCATE public.tree tree_other',
    ]);
    expect(keysOf(changes)[0]).toBe('CREATE {"at":"2023-05-05","id":1} {"at": "2023-05-05", "id": 1}');
    expect(changes[4]).toMatchObject({
      key: '{}',
      primaryKey: null,
      before: '{}',
      after: '{}',
      unchanged: [],
    });
  });

  it('follow ATTACH, DETACH and DROP', async () => {
    await source.run(`
      CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (100)`);
    expect(namesOf(await changesOf('INSERT INTO root VALUES (1)'))).toEqual(['CREATE public.root leaf']);
    expect(
      namesOf(await changesOf('ALTER TABLE root DETACH PARTITION leaf; INSERT INTO leaf VALUES (2)')),
    ).toEqual(['CREATE public.leaf null']);
    await source.run('ALTER TABLE root ATTACH PARTITION leaf FOR VALUES FROM (0) TO (100)');
    expect(namesOf(await changesOf('INSERT INTO root VALUES (3)'))).toEqual(['CREATE public.root leaf']);
    await source.run('INSERT INTO root VALUES (4)');
    await source.run('DROP TABLE root');
    expect(namesOf(await source.changes())).toEqual(['CREATE public.root leaf']);
  });

  it('take a new name of their root', async () => {
    await source.run(`
      CREATE TABLE old_root (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE only_leaf PARTITION OF old_root DEFAULT`);
    expect(namesOf(await changesOf('INSERT INTO old_root VALUES (1)'))).toEqual([
      'CREATE public.old_root only_leaf',
    ]);
    await source.run('ALTER TABLE old_root RENAME TO new_root');
    // Noticed a tenth of a second later at the latest; how long that is is the source's business here.
    await source.run('SELECT pg_sleep(0.15)');
    expect(namesOf(await changesOf('INSERT INTO new_root VALUES (2)'))).toEqual([
      'CREATE public.new_root only_leaf',
    ]);
  });
});

describe('tables', () => {
  it('are described as they were at each row, whatever DDL stands between', async () => {
    const changes = await changesOf(`
      BEGIN;
      CREATE TABLE fresh (id int PRIMARY KEY, "__proto__" text);
      INSERT INTO fresh VALUES (1, 'a');
      ALTER TABLE fresh ADD COLUMN "q""\\" int DEFAULT 5;
      INSERT INTO fresh VALUES (2, 'b');
      ALTER TABLE fresh DROP COLUMN "__proto__";
      CREATE TYPE late AS ENUM ('x'); ALTER TABLE fresh ADD COLUMN l late[];
      INSERT INTO fresh VALUES (3, 6, '{x}');
      ALTER TABLE fresh RENAME TO stale;
      INSERT INTO stale VALUES (4);
      CREATE SCHEMA other; ALTER TABLE stale SET SCHEMA other; ALTER TABLE other.stale REPLICA IDENTITY FULL;
      UPDATE other.stale SET id = 40 WHERE id = 1;
      ALTER TABLE other.stale ALTER COLUMN id TYPE text;
      INSERT INTO other.stale VALUES ('5');
      COMMIT`);
    expect(changes.map(({ relation, after }) => `${relation.schema}.${relation.table} ${after}`)).toEqual([
      'public.fresh {"id":1,"__proto__":"a"}',
      String.raw`public.fresh {"id":2,"__proto__":"b","q\"\\":5}`,
      String.raw`public.fresh {"id":3,"q\"\\":6,"l":["x"]}`,
      String.raw`public.stale {"id":4,"q\"\\":5,"l":null}`,
      String.raw`other.stale {"id":40,"q\"\\":5,"l":null}`,
      String.raw`other.stale {"id":"5","q\"\\":5,"l":null}`,
    ]);
    expect(changes.map(({ primaryKey }) => primaryKey)).toEqual(['1', '2', '3', '4', '40', '5']);
    expect(changes[4]!.before).toBe(String.raw`{"id":1,"q\"\\":5,"l":null}`);
  });

  it('created and dropped before anything was read keep what the stream says of them', async () => {
    const changes = await changesOf(`
      BEGIN; CREATE TABLE short_lived (id int, v text, PRIMARY KEY (v, id)); INSERT INTO short_lived VALUES (1, 'a'); DROP TABLE short_lived; COMMIT`);
    expect(keysOf(changes)).toEqual(['CREATE {"id":1,"v":"a"} {"v": "a", "id": 1}']);
  });

  it('each have their record of a TRUNCATE, cascaded ones too', async () => {
    const changes = await changesOf(`
      CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent); CREATE TABLE third (id int);
      INSERT INTO parent VALUES (1); TRUNCATE parent, third RESTART IDENTITY CASCADE`);
    expect(
      changes
        .slice(1)
        .map(({ operation, relation }) => `${operation} ${relation.table}`)
        .sort(),
    ).toEqual(['TRUNCATE child', 'TRUNCATE parent', 'TRUNCATE third']);
  });

  it('have generated columns where the server publishes them', async () => {
    const isPublished = (await source.version()) >= 18;
    const [change] = await changesOf(`
      CREATE TABLE computed (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, t text); INSERT INTO computed VALUES (1)`);
    expect(change!.after).toBe(isPublished ? '{"id":1,"twice":2,"t":null}' : '{"id":1,"t":null}');
  });
});

describe('the catalog', () => {
  it('is not asked for tables that it knows as they were at or after the change', async () => {
    await source.run('CREATE TABLE quiet (id int PRIMARY KEY); INSERT INTO quiet VALUES (1)');
    source.catalog = source.newCatalog();
    await source.catalog.load('decoded');
    const asked = source.queries;
    expect(await source.changes()).toHaveLength(1);
    expect(source.queries - asked).toBe(0);
    await source.run('ALTER TABLE quiet ADD COLUMN x int; INSERT INTO quiet VALUES (2, 3)');
    expect(await source.changes()).toHaveLength(1);
    expect(source.queries - asked).toBeGreaterThan(0);
  });
});
