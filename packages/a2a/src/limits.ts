/** Limits of A2A servers. Sizes are bytes. Documented in docs/limits-agents.md. */
export const a2aLimits = {
  /** The body of a request, with files. */
  maxRequestBytes: 12 * 1_048_576,
  /** The id of a context is a component of the actor's key. */
  maxContextIdBytes: 128,
  /** Tasks of one answer of a list. */
  maxListedTasks: 100,
} as const;
