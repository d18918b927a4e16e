import { TYPED_COLUMNS } from './every-type.js';
import { query } from './session.js';
import type { Scenario, WorkerState } from './worker-state.js';

/** Statements of a pool outside any transaction; the context is told inside the statement, its backend being unknown. */
export async function throughThePool(state: WorkerState): Promise<void> {
  const { random, pool } = state;
  const context = state.context();
  const said = JSON.stringify(context ?? {});
  const id = state.newId();
  const insert = {
    text: 'INSERT INTO item (id, name, amount) SELECT $1, $2, $3 WHERE oracle.says($4)',
    values: [id, random.text(20), random.next(), said],
  };
  const work = async (): Promise<void> => {
    await query(pool, random.chance(0.5) ? insert : { ...insert, name: 'insert-item' });
    await pool.query('SELECT count(*) FROM item WHERE id = $1', [id]);
    await pool.query('UPDATE item SET amount = $2 WHERE id = $1 AND oracle.says($3)', [
      id,
      random.next(),
      said,
    ]);
    if (random.chance(0.3))
      await pool.query('DELETE FROM item WHERE id = $1 AND oracle.says($2)', [id, said]);
    if (random.chance(0.3)) {
      await pool.query(
        `DO $workload$ BEGIN PERFORM oracle.says('${said.replaceAll("'", "''")}'); PERFORM write_one(4); END $workload$`,
      );
    }
    if (random.chance(0.3)) await pool.query('SELECT oracle.says($1), write_one(5)', [said]);
  };
  await (context === null ? work() : state.runInContext(context, work));
}

/** Single statements on a client of one's own, each its own transaction, contexts changing between them. */
export const onAClient: Scenario = async (session, state) => {
  const { random } = state;
  const id = state.newId(10);
  await session.write(
    state.context(),
    'INSERT INTO item (id, name) SELECT $1::bigint + i, $2 FROM generate_series(0, 9) i',
    [id, random.pick(['chatty', 'plain', 'deferred'])],
  );
  await session.read(state.named(), 'SELECT * FROM item WHERE id = $1', [id]);
  await session.write(
    state.context(),
    'UPDATE item SET name = $2, amount = $3 WHERE id BETWEEN $1 AND $1 + 4',
    [id, random.pick(['deferred', 'renamed']), random.integer(1, 9)],
  );
  await session.write(state.context(), 'UPDATE item SET id = -id WHERE id = $1', [id + 1]);
  await session.write(state.context(), `DELETE FROM item WHERE id IN (${id + 2}, ${id + 3})`);
  await session.write(state.context(), 'DELETE FROM item WHERE id = $1', [-1]);
};

/** Rows of every built-in type, several a statement. */
export const everyType: Scenario = async (session, state) => {
  const { random } = state;
  const rows = random.integer(1, 3);
  const id = state.newId(rows);
  const names = TYPED_COLUMNS.map((c) => c.name);
  const values: (string | number | null)[] = [];
  const tuples = Array.from({ length: rows }, (_, row) => {
    const tuple = [id + row, ...TYPED_COLUMNS.map((c) => (random.chance(0.1) ? null : c.value(random)))];
    return `(${tuple.map((value) => `$${values.push(value)}`).join(',')})`;
  });
  await session.write(
    state.context(),
    `INSERT INTO every_type (id, ${names.join(',')}) VALUES ${tuples.join(',')}`,
    values,
  );
  for (let round = random.integer(0, 2); round > 0; round--) {
    const some = TYPED_COLUMNS.filter(() => random.chance(0.15));
    if (some.length === 0) continue;
    const sets = some.map((c, i) => `${c.name} = $${i + 2}`).join(', ');
    await session.write(state.context(), `UPDATE every_type SET ${sets} WHERE id = $1`, [
      id + random.integer(0, rows),
      ...some.map((c) => (random.chance(0.1) ? null : c.value(random))),
    ]);
  }
  if (random.chance(0.3)) await session.write(state.context(), 'DELETE FROM every_type WHERE id = $1', [id]);
};

/** Statements of several, one implicit transaction each, in the simple protocol. */
export const severalInOneText: Scenario = async (session, state) => {
  const { random } = state;
  const id = state.newId(3);
  await session.write(
    state.context(),
    `SELECT 1; INSERT INTO item (id, name) VALUES (${id}, 'a;b'), (${id + 1}, E'it\\'s'); SELECT 'select 2';
     UPDATE item SET amount = ${random.integer(1, 99)} WHERE id = ${id}; DELETE FROM item WHERE id = ${id + 1};`,
  );
  await session.write(
    state.context(),
    `SELECT write_one(${id % 100}); INSERT INTO no_key VALUES (1, 'after a function')`,
  );
  await session.write(state.context(), `BEGIN; INSERT INTO item (id) VALUES (${id + 2}); COMMIT`);
};
