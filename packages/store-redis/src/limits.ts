import { remoteStoreLimits } from "@holdfast/store-kit";

/** Limits of this store. Sizes are bytes. Documented in docs/limits.md. */
export const redisStoreLimits = {
  /** Number of shards by which nodes lease actors, fixed at the first start. */
  shards: 1_024,
  /** Maximum number of commits that wait for the server; beyond it, `store.unavailable`. */
  maxWaitingCommits: 16_384,
  /** Maximum total size of the commits that wait for the server; beyond it, `store.unavailable`. */
  maxWaitingBytes: 256 * 1_048_576,
  /** Maximum size of one turn, below the server's limits on a command; beyond it, `store.too_large`. */
  maxTurnBytes: 256 * 1_048_576,
  /** Maximum size of one piece of a large object. */
  maxPieceBytes: remoteStoreLimits.maxPieceBytes,
  /** How long a commit or read is retried while the server is unreachable. */
  retryForMs: 15_000,
  /** First delay of the exponential backoff between attempts. */
  minRetryDelayMs: 20,
  /** Maximum delay of that backoff. */
  maxRetryDelayMs: 1_000,
  /** Timeout of connecting. */
  connectTimeoutMs: 5_000,
  /** A connection that owes an answer and sends nothing for this long is dropped. */
  silenceTimeoutMs: 60_000,
  /** The same for the statements of a cluster, whose renewals are of no use later. */
  clusterTimeoutMs: 4_000,
  /** Maximum number of actors in one result of `list` and `due`. */
  maxPageSize: 1_000,
  /** Rows that one script looks at, so that it does not hold up the server. */
  maxRowsPerScript: 2_000,
  /** How long the history of a state is kept. */
  historyMaxAgeMs: 7 * 24 * 3_600_000,
  /** Maximum size of one state's history, beyond its newest snapshot and the patches after it. */
  historyMaxBytes: 262_144,
  /** Maximum number of local copies kept for closed databases. */
  maxLocalCopies: 1_024,
  /** Maximum size of one object. */
  maxBlobBytes: 16 * 1_073_741_824,
  /** Age at which an upload or a restore that never ended counts as abandoned. */
  abandonedMs: 24 * 3_600_000,
  /** How long a copy for an export exists at most. */
  imageMs: 3_600_000,
  /** The server keeps a call record for this long after it has expired by the clock of the node. */
  callMarginMs: 60_000,
  /** Changes of nodes and leases whose marks are remembered. */
  maxClusterChanges: 1_000,
} as const;
