/** Limits of queues. Sizes are bytes, durations milliseconds. Documented in docs/limits.md. */
export const queueLimits = {
  /** Upper bound of `maxQueueMessageSize`. */
  maxMessageBytes: 64 * 1_048_576,
  /** A longer body is stored in chunks and read on delivery. */
  maxInlineBytes: 8_192,
  chunkBytes: 262_144,
  /** Message ids are reserved in blocks, so that an actor that sends a lot writes rarely. */
  idBlock: 1_024,
  /** Dead letters of an actor; beyond, the oldest one is deleted. */
  maxDeadLetters: 1_000,
  /** Deduplication keys; beyond, the oldest one is dropped. */
  maxDedupeKeys: 10_000,
  maxDedupeKeyLength: 256,
  dedupeWindowMs: 300_000,
  /** Delay between attempts to send to another actor. */
  outboxMinMs: 250,
  outboxMaxMs: 30_000,
  /** Undelivered sends to other actors; beyond: `queue.outbox_full`. */
  maxOutbox: 10_000,
  /** An actor that died with messages in its queues is started again after this time. */
  rescueMs: 5_000,
} as const;
