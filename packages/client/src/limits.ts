/** Limits of a client. Sizes are bytes. Documented in docs/limits.md. */
export const clientLimits = {
  /** Unanswered calls on one connection, sent or not; beyond: `conn.buffer_full`. */
  maxPendingCalls: 1_000,
  /** Encoded bytes of unanswered calls on one connection; beyond: `conn.buffer_full`. */
  maxPendingBytes: 8 * 1_048_576,
  /** Longest single request of a wait for a queue message; longer waits send another request. */
  queueWaitMs: 25_000,
  /** Encoded event names in the handshake of a connection; the others follow it. */
  maxEarlyEventsBytes: 1_024,
  reconnectMinMs: 250,
  reconnectMaxMs: 30_000,
  /** Attempts of one call, including the first; the last error is thrown. */
  maxCallAttempts: 12,
  retryMinMs: 25,
  retryMaxMs: 5_000,
  /** Chunks of a streamed result that are in flight or unread; beyond that the actor waits. */
  streamWindow: 16,
  /** Silence before a ping, until the server has sent its own interval. */
  heartbeatMs: 20_000,
  /** How long `dispose` waits for the server to acknowledge the close of a connection. */
  closeWaitMs: 1_000,
  /** Longer delays overflow the timers of common runtimes. */
  maxDelayMs: 2_147_483_647,
} as const;
