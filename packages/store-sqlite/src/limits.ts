/** Limits of this store. Sizes are bytes. Documented in docs/limits.md. */
export const sqliteStoreLimits = {
  /** Commits and acquisitions that may wait at once; one more is `store.unavailable`. */
  maxWaitingCommits: 65_536,
  /** WAL content that no checkpoint has moved yet, at which a passive checkpoint starts. */
  passiveCheckpointBytes: 4 * 1_048_576,
  /** WAL size at which commits are held until a checkpoint has emptied it. */
  maxWalBytes: 64 * 1_048_576,
  /** Room ahead of what is written into the WAL, below which its file grows. */
  leastWalRoomBytes: 262_144,
  /** By how much the WAL's file grows at once. */
  walGrowthBytes: 1_048_576,
  /** Actors in one answer of `list` and `due`, whatever limit is asked for. */
  maxPageSize: 1_000,
  /** Call records, from the oldest on, that one group of commits looks at to remove the expired ones. */
  maxPrunedCalls: 1_024,
  /** Actors whose places in the database are remembered between their commits. */
  maxHotActors: 8_192,
  /** Databases of actors that are open at once; more are closed and opened again as they are used. */
  maxOpenFiles: 512,
  /** Log of one actor's database that no checkpoint has moved yet, at which one starts in a thread. */
  fileCheckpointBytes: 4 * 1_048_576,
  /** Log of one actor's database at which a checkpoint runs at once. */
  maxFileWalBytes: 16 * 1_048_576,
  /** How long the past of a state is kept. */
  historyMaxAgeMs: 7 * 24 * 3_600_000,
  /** How much of the past of one state is kept, beside its newest snapshot and the patches after it. */
  historyMaxBytes: 262_144,
} as const;
