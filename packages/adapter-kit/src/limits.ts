/** Limits of calls that carry data of frameworks. Sizes are bytes. Documented in docs/limits-agents.md. */
export const adapterLimits = {
  /** What one call carries: a checkpoint, the items of a turn, messages. */
  maxCallBytes: 64 * 1_048_576,
  /** One piece of a larger call: with its envelope, less than an incoming message of any server. */
  pieceBytes: 49_152,
  /** Pieces on their way at a time. */
  concurrentPieces: 4,
  /** An answer in one message; a larger one is streamed in chunks of this size. */
  answerBytes: 524_288,
  /** How long pieces are kept that no call has followed. */
  abandonedMs: 86_400_000,
} as const;
