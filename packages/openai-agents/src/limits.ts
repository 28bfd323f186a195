/** Limits of sessions. Documented in docs/limits-agents.md. */
export const sessionLimits = {
  /** Changes of the history that are remembered, so that repeating one changes nothing. */
  maxOperations: 10_000,
} as const;
