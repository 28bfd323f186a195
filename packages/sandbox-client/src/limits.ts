/** Limits of the client. The server can be in a jail and hostile, so its output is limited. Sizes are bytes. */
export const clientLimits = {
  /** One event of a stream, or one JSON answer. */
  maxMessageBytes: 48 * 1_048_576,
  /** The body of an error answer; more is cut off. */
  maxProblemBytes: 65_536,
  /** `fs.read` and `fs.readText`; larger files have to be streamed. */
  maxReadBytes: 64 * 1_048_576,
  /** Envelopes that wait for a slow `envelopes()` loop before the stream is paused. */
  maxWaitingEnvelopes: 1_024,
  /** A stream without any byte for this long is taken for dead; the server sends one every 15 s. */
  streamSilenceMs: 60_000,
  /** Time for a server to stop an agent. After that, the client continues without its answer. */
  closeMs: 10_000,
  /** How long the server may be unreachable before a connection gives up. */
  reconnectForMs: 30_000,
} as const;
