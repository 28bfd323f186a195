/** Limits of chats. Sizes are bytes. Documented in docs/limits-agents.md. */
export const chatLimits = {
  /** A message of a user, with its files. */
  maxMessageBytes: 8 * 1_048_576,
  /** The body of a request, which may carry the conversation so far. */
  maxRequestBytes: 32 * 1_048_576,
  /** Parts of one answer in the log of its stream, as JSON. */
  maxStreamBytes: 16 * 1_048_576,
  /** Messages in one answer of `messages`. */
  maxMessages: 1_000,
} as const;
