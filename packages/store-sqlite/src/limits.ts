/** Limits of this store. Sizes are bytes. Documented in docs/limits.md. */
export const sqliteStoreLimits = {
  /** Maximum number of waiting commits and acquisitions; beyond it, `store.unavailable`. */
  maxWaitingCommits: 65_536,
  /** WAL content without checkpoint at which a passive checkpoint starts. */
  passiveCheckpointBytes: 4 * 1_048_576,
  /** WAL size at which commits are held until a checkpoint has emptied it. */
  maxWalBytes: 64 * 1_048_576,
  /** Maximum space preallocated in the WAL. */
  leastWalRoomBytes: 262_144,
  /** Step by which the WAL's file grows. */
  walGrowthBytes: 1_048_576,
  /** Maximum number of actors in one result of `list` and `due`. */
  maxPageSize: 1_000,
  /** Number of call records, oldest first, that one group of commits examines for expiry. */
  maxPrunedCalls: 1_024,
  /** Number of actors whose row numbers are cached between their commits. */
  maxHotActors: 8_192,
  /** Maximum number of open actor databases; others are closed, and reopened on use. */
  maxOpenFiles: 512,
  /** Log content of one actor's database without checkpoint at which one starts in a thread. */
  fileCheckpointBytes: 4 * 1_048_576,
  /** Log size of one actor's database at which a checkpoint runs immediately. */
  maxFileWalBytes: 16 * 1_048_576,
  /** How long the history of a state is kept. */
  historyMaxAgeMs: 7 * 24 * 3_600_000,
  /** Maximum size of one state's history, beyond its newest snapshot and the patches after it. */
  historyMaxBytes: 262_144,
} as const;
