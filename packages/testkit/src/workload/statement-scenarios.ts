import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';
import type { Scenario } from './worker-state.js';

/** Upserts and MERGE: what they did, not what they were called. `MERGE` from PostgreSQL 15. */
export function upserts(serverVersion: number): Scenario {
  return async (session, state) => {
    const { random } = state;
    const tenant = state.worker;
    const rows = [random.integer(1, 30), random.integer(31, 60)].map((n) => `row ${n}`);
    await session.write(
      state.context(),
      `INSERT INTO composite_key VALUES ($1, $2, $4), ($1, $3, $4)
       ON CONFLICT (tenant, "Odd ""Name") DO UPDATE SET value = excluded.value || composite_key.value`,
      [tenant, rows[0], rows[1], random.text(8)],
    );
    await session.write(state.context(), 'INSERT INTO composite_key VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      tenant,
      rows[0],
    ]);
    if (serverVersion >= 150_000) {
      await session.write(
        state.context(),
        `MERGE INTO composite_key c USING (SELECT $1::int AS tenant, 'row ' || i AS name FROM generate_series(1, 5) i) s
           ON c.tenant = s.tenant AND c."Odd ""Name" = s.name
         WHEN MATCHED AND length(c.value) > 20 THEN DELETE
         WHEN MATCHED THEN UPDATE SET value = c.value || $2
         WHEN NOT MATCHED THEN INSERT VALUES (s.tenant, s.name, $2)`,
        [tenant, random.text(6)],
      );
    }
    await session.write(
      state.context(),
      'UPDATE composite_key SET "Odd ""Name" = "Odd ""Name" || $3 WHERE tenant = $1 AND "Odd ""Name" = $2',
      [tenant, rows[1], ` moved ${state.newId()}`],
    );
  };
}

/** Statements whose text doesn't tell whether they write: each is trailed. */
export const cannotBeTold: Scenario = async (session, state) => {
  const { random } = state;
  const explicit = random.chance(0.4);
  if (explicit) await session.begin();
  const id = state.newId(4);
  await session.write(state.context(), `VALUES (write_one(${random.integer(1, 9)}), 'x')`);
  await session.write(
    state.context(),
    `EXPLAIN (ANALYZE, COSTS off, TIMING off) INSERT INTO item (id) VALUES (${id})`,
  );
  await session.write(
    state.context(),
    `WITH gone AS (DELETE FROM item WHERE id = $1 RETURNING *), kept AS (INSERT INTO no_key SELECT 6, 'moved' FROM gone RETURNING *)
     SELECT count(*) FROM kept`,
    [id],
  );
  await session.write(
    state.context(),
    'WITH s AS (SELECT $1::bigint AS id) INSERT INTO item (id, name) SELECT id, $2 FROM s',
    [id + 1, 'with'],
  );
  await session.write(state.context(), `PREPARE later AS UPDATE item SET amount = $1 WHERE id = ${id + 1}`);
  await session.write(state.context(), 'EXECUTE later(12)');
  await session.client.query('DEALLOCATE later');
  const named = { name: 'by-name', text: 'SELECT write_items($1, 2)', values: [id + 2], rowMode: 'array' };
  await session.write(state.context(), named);
  if (explicit) await session.client.query('COMMIT');
};

/** Cursors and streams: reads in between, and writes that return rows. */
export const cursorsAndStreams: Scenario = async (session, state) => {
  const { random } = state;
  await session.begin();
  await session.write(state.context(), 'INSERT INTO item (id, name) VALUES ($1, $2)', [
    state.newId(),
    'before cursor',
  ]);
  await session.within(state.context(), async () => {
    const cursor = session.client.query(new Cursor('SELECT * FROM item ORDER BY id LIMIT $1', [20]));
    await cursor.read(random.integer(1, 30));
    await cursor.close();
  });
  await session.within(state.context(), async () => {
    const cursor = session.client.query(
      new Cursor('UPDATE item SET amount = 4 WHERE id BETWEEN $1 - 5 AND $1 RETURNING id', [state.oldId()]),
    );
    while ((await cursor.read(2)).length > 0);
    await cursor.close();
  });
  await session.within(state.context(), async () => {
    const stream = session.client.query(
      new QueryStream('SELECT write_one(i) FROM generate_series(1, $1) i', [random.integer(1, 8)], {
        batchSize: 2,
      }),
    );
    for await (const _row of stream);
  });
  await session.write(state.context(), `INSERT INTO no_key VALUES (7, 'after streams')`);
  await session.client.query('COMMIT');
};

/** Rows written by foreign keys' own actions. */
export const cascades: Scenario = async (session, state) => {
  const { random } = state;
  const id = state.newId(4);
  await session.write(
    state.context(),
    'INSERT INTO parent SELECT $1::bigint + i, $2 FROM generate_series(0, 2) i',
    [id, random.text(5)],
  );
  await session.write(
    state.context(),
    'INSERT INTO child SELECT $1::bigint + i, $1::bigint + i % 2, $1::bigint + 2 FROM generate_series(0, 3) i',
    [id],
  );
  await session.write(state.context(), 'UPDATE parent SET id = -id WHERE id = $1', [id]);
  await session.write(state.context(), 'DELETE FROM parent WHERE id IN ($1, $2, -$3::bigint)', [
    id + 1,
    id + 2,
    id,
  ]);
};
