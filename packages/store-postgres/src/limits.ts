import { remoteStoreLimits } from "@holdfast/store-kit";

/** Limits of this store. Sizes are bytes. Documented in docs/limits.md. */
export const postgresStoreLimits = {
  /** Maximum number of connections over which turns are pipelined. The second is opened when the first is busy. */
  turnConnections: 4,
  /** Maximum number of connections for reads, so that a read does not wait behind commits. */
  readConnections: 2,
  /** Minimum time between the openings of two further connections for turns, or for reads. */
  openConnectionMs: 50,
  /** Connections for long work: images, restores and objects. Further work waits. */
  maxLongConnections: 4,
  /** Maximum number of commits that wait for the database; beyond it, `store.unavailable`. */
  maxWaitingCommits: 16_384,
  /** Maximum total size of the commits that wait for the database; beyond it, `store.unavailable`. */
  maxWaitingBytes: 256 * 1_048_576,
  /** Maximum size of one value in a row; larger data is stored in pieces. */
  maxPieceBytes: remoteStoreLimits.maxPieceBytes,
  /** How long a commit or read is retried while the database is unreachable. */
  retryForMs: 15_000,
  /** First delay of the exponential backoff between attempts. */
  minRetryDelayMs: 20,
  /** Maximum delay of that backoff. */
  maxRetryDelayMs: 1_000,
  /** Time without any answer after which a connection is dropped. */
  statementTimeoutMs: 60_000,
  /** As `statementTimeoutMs`, for sessions and leases of nodes, whose renewal is of no use later. */
  clusterTimeoutMs: 3_000,
  /** Latest changes of nodes and leases whose marks are kept. */
  maxClusterChanges: 10_000,
  /** First delay before a lost connection for notifications is opened again; doubled each time. */
  minListenRetryMs: 500,
  maxListenRetryMs: 60_000,
  /** Timeout of connecting. */
  connectTimeoutMs: 5_000,
  /** Maximum number of actors in one result of `list` and `due`. */
  maxPageSize: 1_000,
  /** Number of call records after which expired ones are removed in the background. */
  callsBetweenPrunes: 256,
  /** How long the history of a state is kept. */
  historyMaxAgeMs: 7 * 24 * 3_600_000,
  /** Maximum size of one state's history, beyond its newest snapshot and the patches after it. */
  historyMaxBytes: 262_144,
  /** With several databases: how long a look for due actors waits for each, and when it asks again. */
  dueWaitMs: 1_000,
  dueRetryMs: 1_000,
  /** With several databases: how often one that cannot be reached is tried. */
  outageProbeMs: 1_000,
  /** With several databases: actors with an id of SQLite whose database is remembered. */
  maxKnownActors: 65_536,
  /** Size of a local copy's log at which it is checkpointed. */
  localCheckpointBytes: remoteStoreLimits.localCheckpointBytes,
  /** Maximum number of local copies kept for closed databases. */
  maxLocalCopies: 1_024,
  /** Interval between progress messages while a database loads. */
  progressBytes: remoteStoreLimits.progressBytes,
  /** Maximum size of one object. */
  maxBlobBytes: 16 * 1_073_741_824,
  /** Size of the parts in which an object is uploaded to a bucket; one of them is in memory. */
  bucketPartBytes: 8 * 1_048_576,
  /** How long one request to a bucket may take with its retries, and how long the next bytes of an object. */
  bucketTimeoutMs: 60_000,
  /** Age at which an upload without an object counts as abandoned. */
  abandonedUploadMs: 24 * 3_600_000,
} as const;
