import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { TYPED_COLUMNS } from './every-type.js';
import type { Scenario } from './worker-state.js';

/** COPY in, in text format, of plain rows and of every type; and COPY out of a statement that writes. */
export const copies: Scenario = async (session, state) => {
  const { random } = state;
  const explicit = random.chance(0.4);
  if (explicit) {
    await session.begin();
    if (random.chance(0.5))
      await session.write(state.context(), `INSERT INTO no_key VALUES (0, 'before copy')`);
  }
  const count = random.integer(1, 60);
  const id = state.newId(count);
  await session.within(state.context(), () =>
    pipeline(
      Readable.from(
        Array.from({ length: count }, (_, i) => copyLine([id + i, random.text(20), random.integer(1, 9)])),
      ),
      session.client.query(copyFrom('COPY item (id, name, amount) FROM STDIN')),
    ),
  );
  if (random.chance(0.3)) {
    const first = state.newId(3);
    const row = (i: number) =>
      copyLine([first + i, ...TYPED_COLUMNS.map((c) => (random.chance(0.2) ? null : c.value(random)))]);
    await session.within(state.context(), () =>
      pipeline(
        Readable.from([row(0), row(1), row(2)]),
        session.client.query(
          copyFrom(`COPY every_type (id, ${TYPED_COLUMNS.map((c) => c.name)}) FROM STDIN`),
        ),
      ),
    );
  }
  if (!explicit && random.chance(0.5)) {
    await session.within(state.context(), async () => {
      const rows = session.client.query(
        copyTo(`COPY (DELETE FROM item WHERE id = ${id} RETURNING *) TO STDOUT`),
      );
      for await (const _chunk of rows);
    });
  }
  if (explicit) await session.client.query('COMMIT');
};

/** Large values stored out of line, unchanged while other columns change. */
export const toasted: Scenario = async (session, state) => {
  const { random } = state;
  const id = state.newId();
  await session.write(state.context(), 'INSERT INTO document VALUES ($1, $2, $3, $4, $5)', [
    id,
    random.text(10),
    random.hex(random.integer(10_000, 200_000)),
    `\\x${random.hex(2 * random.integer(2_000, 20_000))}`,
    JSON.stringify({ big: random.hex(random.integer(3_000, 12_000)), small: random.text(5) }),
  ]);
  await session.write(state.context(), 'UPDATE document SET title = $2 WHERE id = $1', [id, random.text(10)]);
  if (random.chance(0.4)) {
    await session.write(
      state.context(),
      'UPDATE document SET body = left(body, 9000), extra = NULL WHERE id = $1',
      [id],
    );
    await session.write(state.context(), 'UPDATE document SET id = -id WHERE id = $1', [id]);
  }
  if (random.chance(0.5))
    await session.write(state.context(), 'DELETE FROM document WHERE abs(id) = $1', [id]);
};

/** A partitioned table with partitions of its own: rows go in through the root and move between leaves. */
export const partitions: Scenario = async (session, state) => {
  const { random } = state;
  const sensor = state.newId(4);
  const explicit = random.chance(0.5);
  if (explicit) await session.begin();
  await session.write(
    state.context(),
    `INSERT INTO reading SELECT d::date, $1::int + i, i * 0.1, $2
     FROM generate_series(0, 3) i, unnest(ARRAY['2023-05-05', '2024-05-05', '2031-01-01']) d`,
    [sensor, random.text(6)],
  );
  await session.write(
    state.context(),
    'INSERT INTO reading VALUES ($1, $2, 1, $3) ON CONFLICT (day, sensor) DO UPDATE SET value = reading.value + 1',
    ['2024-07-07', 2 * random.integer(0, 4), 'even'],
  );
  await session.write(state.context(), 'UPDATE reading SET day = $3 WHERE sensor = $1 AND day = $2', [
    sensor,
    random.pick(['2023-05-05', '2024-05-05', '2031-01-01']),
    random.pick(['2023-09-09', '2024-09-09', '2040-01-01']),
  ]);
  await session.write(state.context(), 'UPDATE reading SET value = -value WHERE sensor = $1', [sensor + 1]);
  await session.write(
    state.context(),
    'UPDATE "Odd Schema".reading_2024_rest SET note = $2 WHERE sensor = $1',
    [sensor + 2, 'leaf'],
  );
  await session.write(state.context(), 'DELETE FROM reading WHERE sensor = $1', [sensor + 3]);
  if (explicit) await session.client.query('COMMIT');
};

/** TRUNCATE of one table, several, a root, and by cascade; as the first lock taken, so that workers don't wait in circles. */
export const truncates: Scenario = async (session, state) => {
  const { random } = state;
  const id = state.newId(2);
  await session.write(state.context(), 'INSERT INTO scratch VALUES ($1, $2)', [id, 'to be truncated']);
  const explicit = random.chance(0.6);
  if (explicit) await session.begin();
  const target = random.pick([
    'scratch_child',
    'scratch, scratch_child',
    'scratch CASCADE',
    'scratch_child, no_key RESTART IDENTITY',
    'reading',
    'reading_2023',
  ]);
  await session.write(state.context(), `TRUNCATE ${target}`);
  if (explicit) {
    await session.write(state.context(), 'INSERT INTO scratch VALUES ($1, $2)', [id + 1, 'after']);
    await session.client.query(random.chance(0.8) ? 'COMMIT' : 'ROLLBACK');
  }
};

/** A generated column, and a table without a key whose rows are changed. */
export const generatedAndKeyless: Scenario = async (session, state) => {
  const { random } = state;
  const id = state.newId();
  await session.write(state.context(), 'INSERT INTO generated (id, a, b) VALUES ($1, $2, $3)', [
    id,
    random.integer(1, 999),
    random.text(9),
  ]);
  await session.write(state.context(), 'UPDATE generated SET a = a + 1 WHERE id = $1', [id]);
  if (random.chance(0.5)) await session.write(state.context(), 'DELETE FROM generated WHERE id = $1', [id]);
  await session.write(state.context(), 'INSERT INTO no_key VALUES ($1, $2), ($1, $2), (NULL, NULL)', [
    state.worker,
    random.text(9),
  ]);
  await session.write(state.context(), 'UPDATE no_key SET b = $2 WHERE a = $1', [
    state.worker,
    random.text(5),
  ]);
  if (random.chance(0.7))
    await session.write(state.context(), 'DELETE FROM no_key WHERE a = $1', [state.worker]);
};

/** One line of COPY's text format. */
function copyLine(values: readonly (string | number | null)[]): string {
  const fields = values.map((value) =>
    value === null
      ? '\\N'
      : String(value).replace(
          /[\\\t\n\r]/g,
          (found) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[found] ?? found,
        ),
  );
  return `${fields.join('\t')}\n`;
}
