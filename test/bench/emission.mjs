import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { interleave, query, ratio, request, STATEMENTS_A_REQUEST } from './measure.mjs';
import { pinned } from './pin.mjs';

const ROUNDS = 5;
const OPERATIONS = 3000;
const DURABLE_OPERATIONS = 1000;
const WARM_UP = 1000;
/** Requests of one kind in a row. */
const BLOCK = 10;

export const CONTEXT = {
  user: 42,
  endpoint: 'PUT /todo/:id',
  requestId: '0f8fad5b-d9cb-469f-a165-70867728950e',
};

const update = (client, i) =>
  client.query('UPDATE todo SET title = $1 WHERE id = $2', [`title ${i}`, 1 + (i % 1000)]);
const updateNamed = (client, i) =>
  client.query({
    name: 'u',
    text: 'UPDATE todo SET title = $1 WHERE id = $2',
    values: [`title ${i}`, 1 + (i % 1000)],
  });
const updateSimple = (client, i) =>
  client.query(`UPDATE todo SET title = 'title ${i % 50}' WHERE id = ${1 + (i % 50)}`);
const updateNothing = (client) => client.query('UPDATE todo SET title = $1 WHERE id = $2', ['x', 0]);
const read = (client, i) => client.query('SELECT id, title FROM todo WHERE id = $1', [1 + (i % 1000)]);
const readTrailed = (client, i) =>
  client.query('SELECT id, own_function(title) FROM todo WHERE id = $1', [1 + (i % 1000)]);
async function transaction(client, i) {
  await client.query('BEGIN');
  await read(client, i);
  await update(client, i);
  await client.query('COMMIT');
}

const WRITES = [
  { what: 'autocommit write, values', operation: update, target: '≤ 1.10×' },
  { what: 'autocommit write, named statement', operation: updateNamed, target: '≤ 1.10×' },
  { what: 'autocommit write, text without values', operation: updateSimple, target: '≤ 1.10×' },
  { what: 'BEGIN, read, write, COMMIT', operation: transaction, target: '≤ 1.10×' },
];
const READS = [
  { what: 'read', operation: read, target: '≤ 1.03×' },
  { what: 'read that has to be trailed', operation: readTrailed, target: '≤ 1.15×' },
];
const UPDATE_OF_NOTHING = { what: 'autocommit write of 0 rows', operation: updateNothing };

export const OPERATIONS_BY_NAME = [...WRITES.map(untargeted), UPDATE_OF_NOTHING, ...READS];

function untargeted({ what, operation }) {
  return { what, operation };
}

/** What an application's writes cost with Colophon on a server that waits for its disk, as PostgreSQL does unless told otherwise. */
export async function durableEmission(server) {
  return measure(server, WRITES, DURABLE_OPERATIONS);
}

/** The same, and reads, without a disk: what is left is the processors' part alone, the most that Colophon can cost. */
export async function emission(server) {
  return measure(server, OPERATIONS_BY_NAME, OPERATIONS);
}

async function measure(server, subjects, operations) {
  const url = await createDatabase(server.url());
  await prepare(url);
  const rows = await pinned(server, () => compare(url, subjects, '', operations));
  await dropDatabase(url);
  return rows;
}

export async function prepare(url) {
  await query(
    url,
    `CREATE TABLE todo (id int PRIMARY KEY, title text);
     INSERT INTO todo SELECT g, 'title ' || g FROM generate_series(1, 1000) g;
     CREATE FUNCTION own_function(t text) RETURNS text LANGUAGE sql AS 'SELECT upper(t)';`,
  );
}

/** Each operation through a plain and an instrumented client, connections fresh each round. */
export async function compare(url, subjects, label = '', operations = OPERATIONS) {
  const rows = [];
  for (const { what, operation, target } of subjects) {
    const named = [];
    const nameless = [];
    let plainMicros = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const plain = await connect(url);
      const ours = instrument(await connect(url));
      const ways = [
        (i) => request((at) => operation(plain, at), i),
        (i) => runWithContext({ ...CONTEXT, i }, () => request((at) => operation(ours, at), i)),
        (i) => request((at) => operation(ours, at), i),
      ];
      await interleave(ways, Math.min(WARM_UP, operations) / STATEMENTS_A_REQUEST, BLOCK);
      const [a, b, c] = await interleave(ways, operations / STATEMENTS_A_REQUEST, BLOCK);
      plainMicros = a / STATEMENTS_A_REQUEST;
      named.push(b / a);
      nameless.push(c / a);
      await plain.end();
      await ours.end();
    }
    const note = `plain ${plainMicros.toFixed(0)} µs; without a context ${ratio(nameless)}`;
    rows.push({ what: what + label, value: ratio(named), target, note });
  }
  return rows;
}

async function connect(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}
