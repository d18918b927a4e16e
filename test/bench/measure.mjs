import pg from 'pg';

/** Runs each subject in turn, operation by operation, so that whatever else the machine does hits all alike. Gives each one's median in µs. */
export async function interleave(subjects, operations) {
  const times = subjects.map(() => new Float64Array(operations));
  for (let i = 0; i < operations; i++) {
    for (let s = 0; s < subjects.length; s++) {
      // Whoever goes first finds colder caches, so the order turns.
      const at = (s + i) % subjects.length;
      const start = process.hrtime.bigint();
      await subjects[at](i);
      times[at][i] = Number(process.hrtime.bigint() - start) / 1000;
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
