/**
 * The numbers of this package. Sizes are bytes, durations milliseconds. Documented in docs/limits.md.
 */
export const actorLimits = {
  /** Maximum nesting of containers in a state: less than the codec and the stack allow. */
  maxStateDepth: 500,
  /** An assignment further past the end of a state's array is refused as a mistake. */
  maxArrayGap: 65_536,
  /**
   * Values in all the objects together that a program has assigned to the state and may still change by its own
   * reference, while it runs: beyond it the oldest are copied in.
   */
  maxHeldValues: 1_024,
  /** A state log shorter than this gets no new snapshot; a longer one may grow to the snapshot's size. */
  minStateLogBytes: 16_384,
  /** How long a retry of a keyed call gets the recorded outcome. */
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
  /** Rows of history of one actor; beyond, the schedule that has most loses its oldest. */
  maxHistoryRows: 10_000,
  /** Unless `options.maxSchedules` says otherwise. */
  defaultMaxSchedules: 1_000,
  maxDeadLetters: 1_000,
  /** Encoded arguments of one schedule, in bytes. */
  maxArgumentBytes: 1_048_576,
  maxJitterMs: 86_400_000,
  maxCatchUp: 1_000,
  maxAttempts: 100,
  maxBackoffMs: 86_400_000,
  /** What a JavaScript date can hold. */
  maxTimestamp: 8.64e15,
  /** Below it, a time that passed is still run with `catchUp: "skip"`. */
  lateMs: 60_000,
} as const;

export const defaultRetry = { maxAttempts: 5, minMs: 1_000, maxMs: 300_000 } as const;
