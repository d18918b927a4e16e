import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { compareImages } from './compare-images.js';
import { DecodedSource } from './decoded-source.js';
import { TYPE_VALUES, WITHOUT_VALUES } from './type-values.js';

const ENVIRONMENT = `
  SELECT setseed(0.5);
  CREATE SCHEMA "odd Schema";
  CREATE TABLE "odd Schema"."odd "", Table" (i int DEFAULT 1, "x y" text DEFAULT 'a');
  CREATE TABLE counted AS SELECT g % 3 AS a, g % 9 AS b FROM generate_series(1, 1000) g;
  CREATE STATISTICS counted_statistics (ndistinct, dependencies, mcv) ON a, b FROM counted;
  ANALYZE counted;
`;

let source: DecodedSource;
beforeAll(async () => {
  source = await DecodedSource.create(inject('serverUrl'), ENVIRONMENT);
  await source.changes();
});
afterAll(() => source.drop());

describe('every built-in type', () => {
  it('gives what to_jsonb gives: alone, in arrays, in domains and in composites', async () => {
    const types = await source.rows<{ name: string; array: string | null }>(
      `SELECT typname AS name, (SELECT format('pg_catalog.%I', a.typname) FROM pg_type a WHERE a.oid = t.typarray) AS array
       FROM pg_type t WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm')
         AND typcategory <> 'A' OR typname IN ('int2vector', 'oidvector')
       ORDER BY oid`,
    );
    expect(types.length).toBeGreaterThan(70);
    const compared: string[] = [];
    let rows = 0;
    for (const { name, array } of types) {
      const values = WITHOUT_VALUES.includes(name) ? 'SELECT NULL' : TYPE_VALUES[name];
      expect(values, `values of ${name}`).toBeDefined();
      const type = `pg_catalog."${name}"`;
      const table = `of_${name}`;
      await source.run(`
        CREATE DOMAIN domain_${name} AS ${type};
        CREATE DOMAIN domain2_${name} AS domain_${name};
        CREATE TYPE composite_${name} AS (
          f ${type}, "a ""," ${array ?? type}, d domain_${name}, "o, (" "odd Schema"."odd "", Table");
      `);
      await source.run(`
        CREATE TABLE ${table} (
          id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v ${type}, a ${array ?? 'int[]'}, d domain2_${name}, da domain_${name}[],
          c composite_${name}, ca composite_${name}[], "__proto__" ${type});
        ALTER TABLE ${table} REPLICA IDENTITY FULL;
        INSERT INTO ${table} (v) SELECT v::${type} FROM (${values}) AS w(v);
        INSERT INTO ${table} (v) VALUES (NULL);
        UPDATE ${table} SET d = v, c = ROW(v, NULL, v, NULL), "__proto__" = v;
      `);
      if (array !== null) {
        // An array of these vectors would be taken for a two-dimensional array of their elements.
        const [asElement, asArray] = name.endsWith('vector') ? ['::text', `::text::${array}`] : ['', ''];
        const some = `(SELECT v${asElement} FROM ${table} WHERE id = 1)`;
        const other = `(SELECT v${asElement} FROM ${table} ORDER BY id DESC OFFSET 1 LIMIT 1)`;
        await source.run(`
          INSERT INTO ${table} (a, da) SELECT array_agg(v${asElement})${asArray}, array_agg(d${asElement})${asArray} FROM ${table} GROUP BY id / 40;
          INSERT INTO ${table} (a) VALUES ('{}'), (ARRAY[NULL]::${array}), (ARRAY[[${some}, NULL], [${other}, ${some}]]${asArray}),
            (ARRAY[[[${some}], [${other}]]]${asArray});
          INSERT INTO ${table} (a[2:3]) VALUES (ARRAY[${some}, ${other}]${asArray});
          INSERT INTO ${table} (a[-1:0][5:6]) VALUES (ARRAY[[${some}, ${other}], [NULL, ${some}]]${asArray});
          UPDATE ${table} SET c = ROW(v, a, v, ROW(7, 'q"')) WHERE a IS NOT NULL;
          INSERT INTO ${table} (ca) SELECT array_agg(c) FROM ${table} WHERE c IS NOT NULL GROUP BY id / 20;
        `);
      }
      const result = await compareImages(source, table);
      expect(result.differences, name).toEqual([]);
      rows += result.rows;
      compared.push(name);
    }
    console.log(`compared ${compared.length} types, ${rows} rows: ${compared.join(' ')}`);
  });
});
