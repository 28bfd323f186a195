/** Limits of workflows. Sizes are bytes, durations milliseconds. Documented in docs/limits.md. */
export const workflowLimits = {
  maxNameBytes: 256,
  /** A recorded value: the output of a step, the state of a loop, the input, the output. */
  maxValueBytes: 16 * 1_048_576,
  /** Levels of nesting of such a value: the record around it has some of its own. */
  maxValueDepth: 900,
  /** Entries of one history that are kept at a time. */
  maxEntries: 100_000,
  /** Loops, joins, races and tries inside each other. */
  maxNesting: 32,
  maxSignals: 1_000,
  maxSignalBytes: 65_536,
  /** Timers are armed for at most so long at a time; the store wakes the actor for longer ones. */
  maxTimerMs: 2_147_483_647,
  /** The last date there is. */
  latestTime: 8_640_000_000_000_000,
} as const;

export const stepDefaults = {
  maxRetries: 3,
  retryBackoffBase: 100,
  retryBackoffMax: 30_000,
  timeout: 30_000,
} as const;

/** Between attempts at what another actor or the store refused for the moment. */
export const remoteRetry = { firstMs: 250, lastMs: 60_000 } as const;

export const defaultPruneInterval = 20;
