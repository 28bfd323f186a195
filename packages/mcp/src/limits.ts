/** Limits of MCP servers. Sizes are bytes, durations milliseconds. Documented in docs/limits-agents.md. */
export const mcpLimits = {
  /** The body of a request. */
  maxRequestBytes: 1_048_576,
  /** A result as a client gets it, as JSON. */
  maxResultBytes: 1_048_576,
  /** A session is refused after this; clients begin another one. */
  sessionMs: 86_400_000,
  /** Calls that a client can cancel; beyond, the oldest can no longer be cancelled. */
  maxCancellableCalls: 10_000,
  /** Characters of the secret that signs the ids of sessions. */
  minSecretLength: 32,
} as const;
