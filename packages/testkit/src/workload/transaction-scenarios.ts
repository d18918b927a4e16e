import type { Scenario } from './worker-state.js';

/** Several contexts and none, by DML and by functions, in any order, in one transaction; sometimes rolled back. */
export const mixedContexts: Scenario = async (session, state) => {
  const { random } = state;
  await session.begin();
  const contexts = [state.named(), state.named(), null];
  for (let statement = random.integer(2, 8); statement > 0; statement--) {
    const context = random.pick(contexts);
    await random.pick([
      () =>
        session.write(context, 'INSERT INTO item (id, name) VALUES ($1, $2)', [
          state.newId(),
          random.text(9),
        ]),
      () =>
        session.write(context, 'UPDATE item SET amount = $2, name = $3 WHERE id = $1', [
          state.oldId(),
          3,
          'deferred',
        ]),
      () => session.write(context, `DELETE FROM item WHERE id = ${state.oldId()}`),
      () => session.write(context, 'SELECT write_items($1, $2)', [state.newId(3), random.integer(1, 3)]),
      () => session.write(context, `SELECT write_one(${random.integer(1, 9)})`),
      () => session.write(context, 'CALL write_by_call($1)', [random.integer(1, 9)]),
      () => session.write(context, `DO $$ BEGIN PERFORM write_one(${random.integer(1, 9)}); END $$`),
      () =>
        session.write(context, 'WITH w AS (INSERT INTO no_key VALUES (8, $1) RETURNING *) SELECT * FROM w', [
          'cte',
        ]),
      () =>
        session.write(
          context,
          'INSERT INTO "Odd Schema"."Odd ""Table" VALUES (gen_random_uuid(), $1, to_jsonb($1::text))',
          [random.text(9)],
        ),
      () => session.read(random.pick(contexts), 'SELECT count(*) FROM item WHERE id = $1', [state.oldId()]),
    ])();
  }
  await session.client.query(random.chance(0.15) ? 'ROLLBACK' : 'COMMIT');
};

/** Savepoints, released and rolled back, with contexts changing inside them. */
export const savepoints: Scenario = async (session, state) => {
  const { random } = state;
  await session.begin(random.pick(['BEGIN', 'START TRANSACTION READ WRITE']));
  if (random.chance(0.6))
    await session.write(state.context(), 'INSERT INTO item (id) VALUES ($1)', [state.newId()]);
  for (let round = random.integer(1, 3); round > 0; round--) {
    const inside = state.context();
    await session.savepoint('s1');
    await session.write(inside, 'INSERT INTO item (id, name) VALUES ($1, $2)', [
      state.newId(),
      'in savepoint',
    ]);
    if (random.chance(0.4)) {
      await session.savepoint('s2');
      await session.write(state.context(), 'SELECT write_items($1, 2)', [state.newId(2)]);
      if (random.chance(0.5)) await session.rollbackTo('s2');
      else await session.write(inside, 'UPDATE item SET amount = 1 WHERE id = $1', [state.oldId()]);
    }
    const undone = random.chance(0.6);
    if (undone) await session.rollbackTo('s1');
    else await session.client.query('RELEASE SAVEPOINT s1');
    const after = random.chance(0.5) ? inside : state.context();
    if (random.chance(0.5))
      await session.write(after, 'INSERT INTO item (id, name) VALUES ($1, $2)', [state.newId(), 'after']);
    else await session.write(after, `SELECT write_one(${round})`);
  }
  await session.client.query(random.chance(0.1) ? 'ROLLBACK' : 'COMMIT');
};

/** A statement fails, is caught by a savepoint, and the transaction goes on; or it is lost as a whole. */
export const failures: Scenario = async (session, state) => {
  const { random } = state;
  const id = state.newId(2);
  await session.begin();
  await session.write(state.context(), 'INSERT INTO item (id, name) VALUES ($1, $2)', [id, 'first']);
  await session.savepoint('s');
  const failing = session.write(state.named(), 'INSERT INTO item (id, name) VALUES ($1, $2)', [id, 'twice']);
  await failing.then(
    () => Promise.reject(new Error('A duplicate key was accepted.')),
    (error: { code?: string }) => (error.code === '23505' ? undefined : Promise.reject(error)),
  );
  if (random.chance(0.7)) {
    await session.rollbackTo('s');
    await session.write(state.context(), 'SELECT write_and_catch($1)', [id + 1]);
    await session.write(state.context(), 'UPDATE item SET amount = 5 WHERE id = $1', [id]);
  }
  await session.client.query('COMMIT');
};

/** A transaction whose snapshot is taken before the oracle could be told again: one context throughout. */
export const repeatableRead: Scenario = async (session, state) => {
  const { random } = state;
  const context = state.context();
  await session.within(context, async () => {
    await session.client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await session.client.query('SELECT count(*) FROM no_key');
    await session.client.query('INSERT INTO item (id, name) VALUES ($1, $2)', [state.newId(), 'repeatable']);
    await session.client.query(`SELECT write_one(${random.integer(1, 5)})`);
    await session.client.query('UPDATE item SET amount = 3 WHERE id = $1', [state.oldId()]);
  });
  await session.client.query('COMMIT');
};

/** Consecutive transactions without a status of "idle" between them. */
export const chained: Scenario = async (session, state) => {
  const context = state.context();
  await session.begin();
  await session.write(context, 'INSERT INTO item (id, name) VALUES ($1, $2)', [state.newId(), 'chain 1']);
  await session.client.query('COMMIT AND CHAIN');
  await session.write(
    state.random.chance(0.5) ? context : state.context(),
    'INSERT INTO item (id) VALUES ($1)',
    [state.newId()],
  );
  await session.client.query(state.random.chance(0.5) ? 'ROLLBACK AND CHAIN' : 'COMMIT AND CHAIN');
  await session.write(context, 'SELECT write_items($1, 1)', [state.newId()]);
  await session.client.query('COMMIT');
};

/** Rows that all workers want, so that commits interleave and transactions wait for each other. */
export const contended: Scenario = async (session, state) => {
  await session.begin();
  for (const id of [1, 2, 3, 4, 5].filter(() => state.random.chance(0.5))) {
    await session.write(state.context(), 'UPDATE item SET amount = coalesce(amount, 0) + 1 WHERE id = $1', [
      id,
    ]);
  }
  await session.client.query('COMMIT');
};
