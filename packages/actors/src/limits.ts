/**
 * The numbers of this package. Sizes are bytes, durations milliseconds. Documented in docs/limits.md.
 */
export const actorLimits = {
  /** Containers in containers of a state: less than what the codec and the stack can take. */
  maxStateDepth: 500,
  /** A jump past the end of an array of a state by more items is refused as a mistake. */
  maxArrayGap: 65_536,
  /** A state log shorter than this is not worth a new snapshot; a longer one may grow to the snapshot's size. */
  minStateLogBytes: 16_384,
  /** For so long a retry of a keyed call gets the recorded outcome. */
  callWindowMs: 600_000,
  /** One message of a raw WebSocket, either way. */
  maxRawMessageBytes: 32 * 1_048_576,
  /** Longer delays overflow the timers of common runtimes. */
  maxDelayMs: 2_147_483_647,
} as const;

/** What an option is unless a definition says otherwise. */
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
