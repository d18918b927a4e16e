import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { interleave, query, ratio } from './measure.mjs';

const ROUNDS = 5;
const ROWS = 100_000;

/** A 100,000-row UPDATE with Colophon against plain pg, and identity FULL against DEFAULT: what tracking itself costs. */
export async function bulk(server) {
  const url = await createDatabase(server.url());
  await query(
    url,
    `CREATE TABLE plain (id int PRIMARY KEY, n int, filler text) WITH (fillfactor = 50);
     CREATE TABLE ours (LIKE plain INCLUDING ALL) WITH (fillfactor = 50);
     CREATE TABLE tracked (LIKE plain INCLUDING ALL) WITH (fillfactor = 50);
     ALTER TABLE tracked REPLICA IDENTITY FULL;`,
  );
  const plain = new pg.Client({ connectionString: url });
  const ours = instrument(new pg.Client({ connectionString: url }));
  await plain.connect();
  await ours.connect();
  const update = (client, table) => client.query(`UPDATE ${table} SET n = n + $1`, [1]);
  const emitted = [];
  const full = [];
  let milliseconds = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const table of ['plain', 'ours', 'tracked']) {
      await query(url, `TRUNCATE ${table}`);
      await query(
        url,
        `INSERT INTO ${table} SELECT g, 0, repeat('x', 100) FROM generate_series(1, ${ROWS}) g`,
      );
    }
    await query(url, 'VACUUM ANALYZE plain, ours, tracked');
    await query(url, 'CHECKPOINT');
    const [a, b, c] = await interleave(
      [
        () => update(plain, 'plain'),
        () => runWithContext({ user: 42 }, () => update(ours, 'ours')),
        () => update(plain, 'tracked'),
      ],
      3,
      1,
    );
    milliseconds = a / 1000;
    emitted.push(b / a);
    full.push(c / a);
  }
  await plain.end();
  await ours.end();
  await dropDatabase(url);
  const note = `plain ${milliseconds.toFixed(0)} ms`;
  return [
    { what: `UPDATE of ${ROWS.toLocaleString('en')} rows`, value: ratio(emitted), target: '≤ 1.03×', note },
    {
      what: `identity FULL against DEFAULT, the same UPDATE`,
      value: ratio(full),
      note: 'what tracking itself costs',
    },
  ];
}
