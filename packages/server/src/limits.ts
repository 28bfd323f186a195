/** Limits of a server. Sizes are bytes. Documented in docs/limits.md. */
export const serverLimits = {
  /** Calls of one connection that run at one time; beyond: `conn.too_many_calls`. */
  maxCallsPerConnection: 2_000,
  /** Frames that a client sends before its connection is accepted; beyond, it is closed. */
  maxFramesBeforeInit: 100,
  /** Events one connection may subscribe to; beyond: `conn.too_many_subscriptions`. */
  maxSubscriptions: 1_000,
  /** Unsent output of one WebSocket; beyond, it is closed with 1013 and `conn.too_slow`. */
  maxSendBufferBytes: 8 * 1_048_576,
  /** A WebSocket that answers no ping for this long is dropped. */
  heartbeatMs: 30_000,
  /** How long the outcome of `create` is remembered for a retry in the same process. */
  createMemoryMs: 600_000,
  maxCreateMemory: 10_000,
  /** Time for a client to send the body of a call. */
  requestTimeoutMs: 60_000,
  /** Headers of a request, all together; beyond: 431. */
  maxHeaderBytes: 32_768,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  /** The body of a request for `onRequest`, unless a registry changes it; beyond: 413. */
  maxRawBodyBytes: 64 * 1_048_576,
  /** The body of a request to an inspector, which may be a whole state; beyond: 413. */
  maxInspectorBodyBytes: 96 * 1_048_576,
  /** One message to an inspector's WebSocket; beyond, it is closed with 1009. */
  maxInspectorMessageBytes: 8 * 1_048_576,
  /** The file of an import: 10 GiB. */
  maxImportBytes: 10 * 1_073_741_824,
  /** A body of which nothing comes for this long, while it is waited for, is given up: 408. */
  bodyIdleTimeoutMs: 30_000,
  /** How much of an unwanted body is read on, so that its sender gets to see the answer. */
  maxDrainBytes: 1_048_576,
  /** How much of an answer's body is read before a caller in the process asks for it. */
  readAheadBytes: 65_536,
  /** One message of a raw WebSocket from a client; beyond, it is closed with 1009. */
  maxRawMessageBytes: 32 * 1_048_576,
  /** Unsent output of one raw WebSocket; beyond, it is closed with 1013 and `conn.too_slow`. */
  maxRawSendBufferBytes: 64 * 1_048_576,
  /** How long a signal lets the actors finish, unless a registry says otherwise. */
  shutdownGraceMs: 30_000,
  /** Between a close frame and the end of the socket. */
  closeGraceMs: 2_000,
  /** Due actors that are read from the store at once. */
  alarmBatch: 256,
  /** Actors that are being woken for their schedules at one time. */
  maxConcurrentWakes: 64,
  /** After so long a wake that hangs makes room for the next. */
  wakeTimeoutMs: 30_000,
  /** The timer for the next alarm looks at the clock at least this often. */
  maxAlarmTimerMs: 60_000,
  /** Before an actor that could not be woken is tried again; doubled each time. */
  minAlarmRetryMs: 1_000,
  maxAlarmRetryMs: 300_000,
} as const;

/** What is kept of what clients were sent, so that one that was cut off can go on. */
export interface ResumeLimits {
  /** How long after a cut: 60,000. */
  readonly windowMs: number;
  /** 1,000 */
  readonly maxEvents: number;
  /** Encoded arguments of events: 1 MiB. */
  readonly maxBytes: number;
}

export const defaultResume: ResumeLimits = { windowMs: 60_000, maxEvents: 1_000, maxBytes: 1_048_576 };

/** The release of this package, as `/metadata` names it. */
export const version = "0.1.0";

/** What a registry may change. */
export interface MessageLimits {
  readonly maxIncomingBytes: number;
  readonly maxOutgoingBytes: number;
}
