/** One minute of a soak, or a shorter interval. */
export interface Sample {
  changesPerSecond: number;
  /** The largest seen in it. */
  rssBytes: number;
  retainedBytes: number;
  lagSeconds: number;
}

/** What came out. */
export interface Outcome {
  samples: Sample[];
  written: number;
  stored: number;
  /** Changes that don't follow on the change before of their row: lost, doubled, or out of order. */
  broken: number;
  gaps: number;
}

/** What is still well. */
export interface Limits {
  /** How far the last interval's throughput and RSS may be from the first's, as a share. */
  tolerance: number;
  rssSlackBytes: number;
  rssBytes: number;
  retainedBytes: number;
  lagSeconds: number;
}

export function judge(outcome: Outcome, limits: Limits): string[];
