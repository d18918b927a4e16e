import fs from 'node:fs';
import { runWithContext } from '@colophon/context';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { CONTEXT, prepare } from './emission.mjs';
import { interleave, ratio, request, STATEMENTS_A_REQUEST } from './measure.mjs';
import { pinned } from './pin.mjs';

const ROUNDS = 5;
const OPERATIONS = 2000;
const WARM_UP = 500;
/** Requests of one kind in a row. */
const BLOCK = 10;
const ROWS = 1000;

const WHAT = [
  { what: 'write', target: '≤ 1.10×', operation: (orm, i) => orm.write(1 + (i % ROWS), `title ${i}`) },
  { what: 'read', target: '≤ 1.03×', operation: (orm, i) => orm.read(1 + (i % ROWS)) },
];

/**
 * What a write and a read of each ORM cost with Colophon and a context, in ratios to the same ORM without. The ORMs are those lines of the
 * adapters' list that name a file of `orms/`, which says how to open one: `open(url, withColophon)` gives `write`, `read` and `close`.
 */
export async function orms(server) {
  const adapters = JSON.parse(fs.readFileSync(new URL('../adapters/adapters.json', import.meta.url), 'utf8'));
  const url = await createDatabase(server.url());
  await prepare(url);
  const rows = [];
  for (const { name, bench } of adapters) {
    if (bench === undefined) continue;
    const { open } = await import(`./orms/${bench}`);
    rows.push(...(await pinned(server, () => compareOrm(name, (withColophon) => open(url, withColophon)))));
  }
  await dropDatabase(url);
  return rows;
}

async function compareOrm(name, open) {
  const rounds = WHAT.map(() => []);
  const plainMicros = [];
  for (let round = 0; round < ROUNDS; round++) {
    const plain = await open(false);
    const ours = await open(true);
    for (const [at, { operation }] of WHAT.entries()) {
      const subjects = [
        (i) => request((at) => operation(plain, at), i),
        (i) => runWithContext({ ...CONTEXT, i }, () => request((at) => operation(ours, at), i)),
      ];
      await interleave(subjects, WARM_UP / STATEMENTS_A_REQUEST, BLOCK);
      const [a, b] = await interleave(subjects, OPERATIONS / STATEMENTS_A_REQUEST, BLOCK);
      plainMicros[at] = a / STATEMENTS_A_REQUEST;
      rounds[at].push(b / a);
    }
    await plain.close();
    await ours.close();
  }
  return WHAT.map(({ what, target }, at) => ({
    what: `${name}: ${what}`,
    value: ratio(rounds[at]),
    target,
    note: `plain ${plainMicros[at].toFixed(0)} µs`,
  }));
}
