/** Limits and defaults of this package. Sizes are bytes, durations milliseconds. Documented in docs/limits.md. */
export const actorLimits = {
  /** Maximum nesting of containers in a state: less than the codec and the stack allow. */
  maxStateDepth: 500,
  /** An assignment further beyond the end of a state's array is rejected as a mistake. */
  maxArrayGap: 65_536,
  /**
   * Maximum number of values in all assigned objects that a running program may still change directly; beyond it, the
   * oldest are replaced by copies.
   */
  maxRetainedValues: 1_024,
  /** A state log shorter than this gets no new snapshot; a longer one may grow to the snapshot's size. */
  minStateLogBytes: 16_384,
  /** How long a retry of a keyed call receives the recorded outcome. */
  callWindowMs: 600_000,
  /** Limits of outcomes of keyed calls in memory; beyond either, only their keys are remembered. */
  maxRememberedCalls: 1_024,
  maxRememberedCallBytes: 262_144,
  /** Maximum size of a message of a raw WebSocket, in either direction. */
  maxRawMessageBytes: 32 * 1_048_576,
  /** Longer delays overflow the timers of common runtimes. */
  maxDelayMs: 2_147_483_647,
  /** Maximum delay of a timer for a clock time, after which it checks the clock: clocks jump, and timers do not. */
  maxTimerMs: 60_000,
} as const;

/** Defaults of options. */
export const optionDefaults = {
  createVarsTimeout: 5_000,
  createConnStateTimeout: 5_000,
  onBeforeConnectTimeout: 5_000,
  onConnectTimeout: 5_000,
  onMigrateTimeout: 30_000,
  sleepGracePeriod: 15_000,
  sleepTimeout: 30_000,
  stateSaveInterval: 1_000,
  actionTimeout: 60_000,
  connectionLivenessTimeout: 2_500,
  connectionLivenessInterval: 5_000,
  maxQueueSize: 1_000,
  maxQueueMessageSize: 65_536,
  maxSchedules: 1_000,
} as const;

/** Limits of schedules. */
export const scheduleLimits = {
  maxNameBytes: 128,
  minIntervalMs: 5_000,
  defaultMaxHistory: 100,
  maxHistory: 1_000,
  /** History rows of one actor; beyond, the longest history loses its oldest row. */
  maxHistoryRows: 10_000,
  /** Default of `options.maxSchedules`. */
  defaultMaxSchedules: 1_000,
  maxDeadLetters: 1_000,
  /** Encoded arguments of one schedule, in bytes. */
  maxArgumentBytes: 1_048_576,
  maxJitterMs: 86_400_000,
  maxCatchUp: 1_000,
  maxAttempts: 100,
  maxBackoffMs: 86_400_000,
  /** The latest date that JavaScript supports. */
  maxTimestamp: 8.64e15,
  /** With `catchUp: "skip"`, a time missed by less than this still runs. */
  lateMs: 60_000,
} as const;

export const defaultRetry = { maxAttempts: 5, minMs: 1_000, maxMs: 300_000 } as const;
