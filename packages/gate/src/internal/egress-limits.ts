/** Limits of the egress proxy, per jail. */
export const egressLimits = {
  maxConnections: 64,
  maxHeaderBytes: 32 * 1024,
  maxHeaders: 128,
  maxRequestBytes: 64 * 1024 * 1024,
  /** Until the head of a request is complete. */
  headersTimeoutMs: 10_000,
  /** Until the whole request is. */
  requestTimeoutMs: 120_000,
  checkIntervalMs: 1_000,
  keepAliveMs: 60_000,
  /** Without a byte from or to the upstream; models may think for long. */
  upstreamIdleMs: 10 * 60_000,
} as const;
