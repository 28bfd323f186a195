/** Limits of a client. Sizes are bytes. Documented in docs/limits.md. */
export const clientLimits = {
  /** Calls without an answer on one connection, sent or not; beyond: `conn.buffer_full`. */
  maxPendingCalls: 1_000,
  /** Encoded calls without an answer on one connection; beyond: `conn.buffer_full`. */
  maxPendingBytes: 8 * 1_048_576,
  /** One request of a wait for a queue message takes at most so long; then another goes on. */
  queueWaitMs: 25_000,
  /** Names of events that go along with the handshake of a connection; the others follow it. */
  maxEarlyEventsBytes: 1_024,
  reconnectMinMs: 250,
  reconnectMaxMs: 30_000,
  /** Attempts of one call, the first included; the error of the last one is thrown. */
  maxCallAttempts: 12,
  retryMinMs: 25,
  retryMaxMs: 5_000,
  /** Pieces of a streamed result that are on their way or unread; the actor waits beyond that. */
  streamWindow: 16,
  /** After so long a connection is asked for a sign of life, until the server has told its own interval. */
  heartbeatMs: 20_000,
  /** How long `dispose` waits for the server to have taken leave of a connection. */
  closeWaitMs: 1_000,
  /** Longer delays overflow the timers of common runtimes. */
  maxDelayMs: 2_147_483_647,
} as const;
