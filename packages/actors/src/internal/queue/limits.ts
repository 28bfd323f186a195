/** Limits of queues. Sizes are bytes, durations milliseconds. Documented in docs/limits.md. */
export const queueLimits = {
  /** The most that `maxQueueMessageSize` may allow. */
  maxMessageBytes: 64 * 1_048_576,
  /** A longer body is kept in chunks of its own and read when it is delivered. */
  maxInlineBytes: 8_192,
  chunkBytes: 262_144,
  /** Message ids are reserved in blocks, so that an actor that sends much writes seldom. */
  idBlock: 1_024,
  /** Dead letters of an actor; beyond, the oldest is deleted. */
  maxDeadLetters: 1_000,
  /** Keys of messages that are remembered against duplicates; beyond, the oldest is forgotten. */
  maxDedupeKeys: 10_000,
  maxDedupeKeyLength: 256,
  dedupeWindowMs: 300_000,
  /** Between attempts of a send to another actor. */
  outboxMinMs: 250,
  outboxMaxMs: 30_000,
  /** Sends to other actors that are not delivered yet; beyond: `queue.outbox_full`. */
  maxOutbox: 10_000,
  /** An actor that died while it had work is started again after so long. */
  rescueMs: 5_000,
} as const;
