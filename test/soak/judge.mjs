/**
 * What is wrong with a soak: a line for each, none where all is well. `samples` are its minutes (or shorter intervals), in order.
 * @see judge.d.mts
 */
export function judge({ samples, written, stored, broken, gaps }, limits) {
  const faults = [];
  const fault = (isFault, text) => {
    if (isFault) faults.push(text);
  };
  fault(samples.length < 2, `only ${samples.length} intervals`);
  const first = samples[0];
  const last = samples.at(-1);
  if (first !== undefined && last !== undefined) {
    const drift = last.changesPerSecond / first.changesPerSecond - 1;
    fault(
      !(Math.abs(drift) <= limits.tolerance),
      `throughput drifted by ${percent(drift)}, wanted within ± ${percent(limits.tolerance)}`,
    );
    // What garbage collection leaves lying about differs by some megabytes from one interval to the next.
    const wanted = first.rssBytes * (1 + limits.tolerance) + limits.rssSlackBytes;
    fault(
      last.rssBytes > wanted,
      `RSS grew from ${megabytes(first.rssBytes)} to ${megabytes(last.rssBytes)}, wanted at most ${megabytes(wanted)}`,
    );
  }
  for (const [at, sample] of samples.entries()) {
    const where = `interval ${at + 1}`;
    fault(
      sample.rssBytes > limits.rssBytes,
      `${where}: RSS ${megabytes(sample.rssBytes)}, wanted at most ${megabytes(limits.rssBytes)}`,
    );
    fault(
      sample.retainedBytes > limits.retainedBytes,
      `${where}: ${megabytes(sample.retainedBytes)} of log kept, wanted at most ${megabytes(limits.retainedBytes)}`,
    );
    fault(
      sample.lagSeconds > limits.lagSeconds,
      `${where}: ${sample.lagSeconds.toFixed(1)} s behind, wanted at most ${limits.lagSeconds} s`,
    );
  }
  fault(stored !== written, `${stored} changes stored, ${written} written`);
  fault(broken !== 0, `${broken} changes don't follow on their row's change before`);
  fault(gaps !== 0, `${gaps} gaps`);
  return faults;
}

function percent(share) {
  return `${(share * 100).toFixed(0)} %`;
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
