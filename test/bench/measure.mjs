import pg from 'pg';

/** Statements that a request makes: they share its context, as those of an application's do. */
export const STATEMENTS_A_REQUEST = 5;

/** The `i`th request: `operation` so many times, one after the other. */
export async function request(operation, i) {
  for (let at = 0; at < STATEMENTS_A_REQUEST; at++) await operation(i * STATEMENTS_A_REQUEST + at);
}

/**
 * Runs the subjects in turn, a block of operations each, so that whatever else the machine does hits all alike; operation by
 * operation each would run with the caches that another has filled. Gives each one's median over the blocks, in µs an operation.
 */
export async function interleave(subjects, operations, block = Math.min(50, operations)) {
  const times = subjects.map(() => []);
  for (let from = 0; from < operations; from += block) {
    for (let turn = 0; turn < subjects.length; turn++) {
      // Whoever goes first finds colder caches, so the order turns.
      const at = (turn + from / block) % subjects.length;
      const start = process.hrtime.bigint();
      for (let i = from; i < from + block; i++) await subjects[at](i);
      times[at].push(Number(process.hrtime.bigint() - start) / 1000 / block);
    }
  }
  return times.map((list) => percentile(list, 0.5));
}

export function percentile(list, share) {
  const sorted = Float64Array.from(list).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Median of the rounds' ratios with their range: `1.07× [1.05..1.10]`. */
export function ratio(rounds) {
  const sorted = [...rounds].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return `${middle.toFixed(2)}× [${sorted[0].toFixed(2)}..${sorted.at(-1).toFixed(2)}]`;
}

export async function withClient(url, work) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export function query(url, text, values) {
  return withClient(url, (client) => client.query(text, values));
}
