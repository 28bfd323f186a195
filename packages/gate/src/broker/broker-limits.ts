/** Limits of the broker: sizes in bytes, times in milliseconds. For rates see {@link rateLimitDefaults}. */
export const brokerLimits = {
  /** Largest frame that is parsed. */
  maxFrameBytes: 1024 * 1024,
  /** Largest frame that still gets an answer; a larger one closes its connection. */
  maxReceiveBytes: 2 * 1024 * 1024,
  /** Largest member of `arguments`, as JSON. */
  maxArgumentBytes: 100 * 1024,
  maxDepth: 64,
  maxTopicCharacters: 256,
  maxCorrelationCharacters: 128,
  maxRoutingIdBytes: 64,
  maxResultBytes: 1024 * 1024,
  maxProgressMessageCharacters: 1_024,
  /** Progress events per call. */
  maxProgressEvents: 1_000,
  /** Concurrent calls of one jail. */
  maxInFlight: 256,
  /** Cached answers of one jail, for frames that are sent again. */
  maxKeptAnswers: 256,
  maxKeptBytes: 4 * 1024 * 1024,
  keptAnswerMs: 300_000,
  handlerTimeoutMs: 30_000,
  /** How long a call waits for a person before its caller is told to retry. */
  confirmWaitMs: 30_000,
  maxTools: 1_000,
  /** All tools are listed in one answer, and both ends accept answers of less than 8 MiB. */
  maxCatalogBytes: 4 * 1024 * 1024,
  maxSchemaBytes: 64 * 1024,
  /** Time limit of one schema validation; some keywords take superlinear time. */
  maxCheckMs: 250,
  /** Refusals of one jail per second that enter the audit log; the rest is counted. */
  maxRefusalNotes: 20,
  /** The field's name in such a record is cut: the agent chooses it, and an oversized record would be lost. */
  maxNotedFieldCharacters: 256,
} as const;

/** Limits of the process that holds the sockets of one jail. */
export const endpointLimits = {
  /** Connections per socket that passed the peer check. */
  maxConnections: 32,
  /** Connections per socket before the peer check; beyond it all are dropped and the socket is recreated. */
  maxAccepted: 256,
  descriptors: 4_096,
  /** Memory growth since the start after which the process is restarted. */
  maxGrowthBytes: 256 * 1024 * 1024,
  memoryCheckMs: 100,
  handshakeMs: 2_000,
  heartbeatMs: 2_000,
  /** A peer that answers no heartbeat is considered gone; nobody can answer in the middle of a frame. */
  heartbeatTimeoutMs: 4_000,
  /** How long a connection waits for the jail to start. */
  peerWaitMs: 10_000,
  /** Read rate per jail; anything beyond it waits in the jail. */
  framesPerSecond: 20_000,
  bytesPerSecond: 256 * 1024 * 1024,
  /** Received frames of one connection queued in memory. */
  receiveQueue: 16,
  /** Answers of one connection queued in memory: more than its concurrent calls, or one could be lost. */
  sendQueue: 1_024,
  /** Answers held for a connection that is away, and for how long. */
  maxHeldAnswers: 64,
  heldAnswerMs: 10_000,
  startTimeoutMs: 15_000,
  /** Restart backoff: none at first, then doubling up to this. */
  maxRestartDelayMs: 5_000,
} as const;
