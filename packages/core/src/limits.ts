/** Limits shared by all packages. Sizes are bytes. Documented in docs/limits.md. */
export const limits = {
  maxKeyComponentBytes: 128,
  maxKeyBytes: 1024,
  maxActorNameLength: 64,
  /** Nesting of a decoded value; deeper input is `message.too_deep`. */
  maxDepth: 64,
  /** Incoming action calls and events. */
  maxIncomingMessageBytes: 65_536,
  /** Outgoing action results and events. */
  maxOutgoingMessageBytes: 1_048_576,
  maxConnParamsBytes: 4_096,
  maxInputBytes: 4 * 1_048_576,
  maxIdempotencyKeyLength: 128,
} as const;
