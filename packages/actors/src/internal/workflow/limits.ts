/** Limits of workflows. Sizes are bytes, durations milliseconds. Documented in docs/limits.md. */
export const workflowLimits = {
  maxNameBytes: 256,
  /** Maximum size of a recorded value: the output of a step, the state of a loop, the input, the output. */
  maxValueBytes: 16 * 1_048_576,
  /** Maximum nesting of such a value; the record around it adds some levels. */
  maxValueDepth: 900,
  /** Maximum number of entries in one history. */
  maxEntries: 100_000,
  /** Maximum nesting of loops, joins, races and tries. */
  maxNesting: 32,
  maxSignals: 1_000,
  maxSignalBytes: 65_536,
  /** Maximum duration of a timer; for later times the store wakes the actor. */
  maxTimerMs: 2_147_483_647,
  /** The latest valid date. */
  latestTime: 8_640_000_000_000_000,
} as const;

export const stepDefaults = {
  maxRetries: 3,
  retryBackoffBase: 100,
  retryBackoffMax: 30_000,
  timeout: 30_000,
} as const;

/** Delay between attempts after a temporary refusal by another actor or the store. */
export const remoteRetry = { firstMs: 250, lastMs: 60_000 } as const;

export const defaultPruneInterval = 20;
