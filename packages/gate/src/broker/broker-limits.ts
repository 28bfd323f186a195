/** Limits of the broker; those of rates are in {@link rateLimitDefaults}. */
export const brokerLimits = {
  /** Of a frame as it arrives. */
  maxFrameBytes: 1024 * 1024,
  /** Of a frame that still gets an answer; a larger one ends its connection. */
  maxReceiveBytes: 2 * 1024 * 1024,
  /** Of each member of `arguments`, as JSON. */
  maxArgumentBytes: 100 * 1024,
  maxDepth: 64,
  maxTopicCharacters: 256,
  maxCorrelationCharacters: 128,
  maxRoutingIdBytes: 64,
  maxResultBytes: 1024 * 1024,
  maxProgressMessageCharacters: 1_024,
  /** Of one call. */
  maxProgressEvents: 1_000,
  /** Calls of one jail at once. */
  maxInFlight: 256,
  /** Answers kept for frames that are sent again, of one jail. */
  maxKeptAnswers: 256,
  maxKeptBytes: 4 * 1024 * 1024,
  keptAnswerMs: 300_000,
  handlerTimeoutMs: 30_000,
  /** How long a call waits for a person before it is told to ask again. */
  confirmWaitMs: 30_000,
  maxTools: 1_000,
  /** Of all tools as they are listed, which is one answer: both ends take answers of less than 8 MiB. */
  maxCatalogBytes: 4 * 1024 * 1024,
  maxSchemaBytes: 64 * 1024,
  /** Of one look whether a value is as a schema says whose keywords may take longer than the value is long. */
  maxCheckMs: 250,
  /** Notes of refusals in the audit log, of one jail in a second; the rest is counted. */
  maxRefusalNotes: 20,
  /** Of the argument at fault in such a note: an agent chooses its name, and a longer record would be lost. */
  maxNotedFieldCharacters: 256,
} as const;

/** What bounds the process that holds the sockets of one jail. */
export const endpointLimits = {
  /** Accepted by the peer check, of each socket. */
  maxConnections: 32,
  /** Connected at all, of each socket: beyond, all are dropped and the socket is made anew. */
  maxAccepted: 256,
  descriptors: 4_096,
  /** Growth of its memory since its start; then it ends and is started again. */
  maxGrowthBytes: 256 * 1024 * 1024,
  memoryCheckMs: 100,
  handshakeMs: 2_000,
  heartbeatMs: 2_000,
  /** A peer that answers no heartbeat, which nobody in the middle of a frame can, is gone. */
  heartbeatTimeoutMs: 4_000,
  /** For the jail to start, once something has connected. */
  peerWaitMs: 10_000,
  /** Read from a jail, over time; more waits in the jail. */
  framesPerSecond: 20_000,
  bytesPerSecond: 256 * 1024 * 1024,
  /** Frames of one connection that wait in memory. */
  receiveQueue: 16,
  /** Answers of one connection that wait in memory: more than its calls under way, or one could be lost. */
  sendQueue: 1_024,
  /** Answers whose connection is away, and how long they wait for it. */
  maxHeldAnswers: 64,
  heldAnswerMs: 10_000,
  startTimeoutMs: 15_000,
  /** Until it is started again: at once, then doubling up to this. */
  maxRestartDelayMs: 5_000,
} as const;
