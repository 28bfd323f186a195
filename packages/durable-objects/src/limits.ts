/** Limits of this package. Sizes are bytes, times milliseconds. Documented in docs/limits.md. */
export const durableObjectLimits = {
  /** Maximum size of one row; longer values are stored in pieces. The platform's own limit is 2 MB. */
  maxRowBytes: 1_048_576,
  /** Size of a piece of a large object. */
  blobPieceBytes: 524_288,
  /** Maximum size of the attachment of a hibernating WebSocket; a larger one goes into the storage. */
  maxAttachmentBytes: 2_000,
  /** While an actor is in memory, an alarm at this interval keeps its object there, and finds it again after a crash. */
  keepAwakeMs: 30_000,
  /**
   * Shortest interval at which clients check their connection. Each check brings the object back into memory, so that one
   * with shorter intervals would never hibernate.
   */
  minHeartbeatMs: 60_000,
  /** Shortest time that a client waits for the answer: the object may have to start. */
  minHeartbeatTimeoutMs: 20_000,
  /** Maximum number of unread bytes of a raw WebSocket whose actor is being woken. */
  maxUnreadBytes: 8 * 1_048_576,
  /** Maximum number of actors in one result of `list` and `due`. */
  maxPageSize: 1_000,
  /** How long the history of a state is kept. */
  historyMaxAgeMs: 7 * 24 * 3_600_000,
  /** Maximum size of one state's history, beyond its newest snapshot and the patches after it. */
  historyMaxBytes: 262_144,
} as const;

/** Limits of the platform, which nothing here can raise. */
export const platformLimits = {
  maxValueBytes: 2_000_000,
  maxObjectBytes: 10_000_000_000,
  memoryBytes: 128_000_000,
  cpuMs: 30_000,
} as const;
