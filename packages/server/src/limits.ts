/** Limits of a server. Sizes are bytes. Documented in docs/limits.md. */
export const serverLimits = {
  /** Concurrent calls of one connection; beyond: `conn.too_many_calls`. */
  maxCallsPerConnection: 2_000,
  /** Frames that a client may send before its connection is accepted; beyond, it is closed. */
  maxFramesBeforeInit: 100,
  /** Subscriptions of one connection; beyond: `conn.too_many_subscriptions`. */
  maxSubscriptions: 1_000,
  /** Unsent output of one WebSocket; beyond, it is closed with 1013 and `conn.too_slow`. */
  maxSendBufferBytes: 8 * 1_048_576,
  /** A WebSocket that answers no ping for this long is dropped. */
  heartbeatMs: 30_000,
  /** How long the outcome of `create` is remembered for a retry in the same process. */
  createMemoryMs: 600_000,
  maxCreateMemory: 10_000,
  /** Time limit for a client to send the body of a call. */
  requestTimeoutMs: 60_000,
  /** Total size of the headers of a request; beyond: 431. */
  maxHeaderBytes: 32_768,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  /** Default for the body of a request for `onRequest`; beyond: 413. */
  maxRawBodyBytes: 64 * 1_048_576,
  /** The body of a request to an inspector, which may be a complete state; beyond: 413. */
  maxInspectorBodyBytes: 96 * 1_048_576,
  /** How long a profile of CPU time may be measured. */
  maxProfileSeconds: 60,
  /** One message to an inspector's WebSocket; beyond, it is closed with 1009. */
  maxInspectorMessageBytes: 8 * 1_048_576,
  /** The file of an import: 10 GiB. */
  maxImportBytes: 10 * 1_073_741_824,
  /** The body of a request of a `rivetkit` client that creates an actor, whose input is base64; beyond: 413. */
  maxRivetCreateBytes: 6 * 1_048_576,
  /** A body that makes no progress for this long while it is awaited is given up: 408. */
  bodyIdleTimeoutMs: 30_000,
  /** How much of an unwanted body is read, so that its sender gets to see the response. */
  maxDrainBytes: 1_048_576,
  /** How much of a response's body is read ahead for a caller in the process. */
  readAheadBytes: 65_536,
  /** One message of a raw WebSocket from a client; beyond, it is closed with 1009. */
  maxRawMessageBytes: 32 * 1_048_576,
  /** Unsent output of one raw WebSocket; beyond, it is closed with 1013 and `conn.too_slow`. */
  maxRawSendBufferBytes: 64 * 1_048_576,
  /** Default grace period for actors after a signal. */
  shutdownGraceMs: 30_000,
  /** Time limit between a close frame and the end of the socket. */
  closeGraceMs: 2_000,
  /** Number of due actors that are read from the store at a time. */
  alarmBatch: 256,
  /** Number of actors that a node of a cluster reads from the store concurrently. */
  maxConcurrentActivations: 256,
  /** Actors that wait for that; beyond: `server.busy`. */
  maxWaitingActivations: 8_192,
  /** Calls of clients in progress at a node of a cluster, and requests that it forwards; beyond: `server.busy`. */
  maxCallsInProgress: 8_192,
  /** Total size of the arguments of these calls; beyond: `server.busy`. */
  maxCallBytesInProgress: 256 * 1_048_576,
  /** Body of a request that starts a serverless node; beyond: 413. */
  maxStartBytes: 65_536,
  /** Number of actors that are woken for their schedules concurrently. */
  maxConcurrentWakes: 64,
  /** Time after which a hanging wake-up makes room for the next. */
  wakeTimeoutMs: 30_000,
  /** Maximum interval at which the alarm timer checks the clock. */
  maxAlarmTimerMs: 60_000,
  /** Delay before a request that waits loads an actor again whose last commit failed; doubled each time. */
  minReloadMs: 10,
  maxReloadMs: 1_000,
  /** Maximum time between two looks for due actors on a node of a cluster. */
  alarmPollMs: 1_000,
  /** The same while other nodes can tell this one of due actors. */
  alarmPollWithWakeupsMs: 5_000,
  /** Delay before an actor that could not be woken is tried again; doubled each time. */
  minAlarmRetryMs: 1_000,
  maxAlarmRetryMs: 300_000,
} as const;

/** Total size of the events that an actor's connections take along to another node: 16 MiB. */
export const maxMovedEventBytes = 16 * 1_048_576;

/** Limits of the sent events that are kept, so that a disconnected client can resume. */
export interface ResumeLimits {
  /** Time after the disconnection, in milliseconds: 60,000. */
  readonly windowMs: number;
  /** 1,000 */
  readonly maxEvents: number;
  /** Total size of the encoded arguments: 1 MiB. */
  readonly maxBytes: number;
}

export const defaultResume: ResumeLimits = { windowMs: 60_000, maxEvents: 1_000, maxBytes: 1_048_576 };

/** Limits that a registry may change. */
export interface MessageLimits {
  readonly maxIncomingBytes: number;
  readonly maxOutgoingBytes: number;
}
