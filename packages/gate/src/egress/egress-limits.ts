/** Limits of the egress proxy, for each jail. */
export interface EgressLimits {
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxRequestBytes: number;
  /** Body of a model request under a budget, which is read before it is sent. */
  readonly maxMeteredBytes: number;
  /** Total size of such bodies of a jail in memory. */
  readonly maxHeldBytes: number;
  /** Read and discarded of the body of a refused request. */
  readonly maxDiscardBytes: number;
  /** Until the head of a request is complete. */
  readonly headersTimeoutMs: number;
  /** Timeout until the request is complete. */
  readonly requestTimeoutMs: number;
  readonly checkIntervalMs: number;
  readonly keepAliveMs: number;
  /** Without a byte from or to the upstream. Long, since models may think for minutes. */
  readonly upstreamIdleMs: number;
  /** Idle pooled connections to one upstream. */
  readonly maxIdleUpstreams: number;
  /** Time that a pooled connection may be idle. */
  readonly upstreamKeepAliveMs: number;
  /** Concurrent TLS handshakes of intercepted tunnels. */
  readonly maxHandshakes: number;
  /** Timeout of such a handshake. */
  readonly handshakeMs: number;
  /** Cached host certificates. */
  readonly maxCertificates: number;
  /** Validity of a host certificate. */
  readonly certificateMs: number;
  /** A certificate with less than this left is issued again. */
  readonly certificateLeftMs: number;
  /** Validity of the authority's certificate. Its key ends with the egress. */
  readonly authorityMs: number;
}

export const egressLimits: EgressLimits = {
  maxConnections: 64,
  maxHeaderBytes: 32 * 1024,
  maxHeaders: 128,
  maxRequestBytes: 64 * 1024 * 1024,
  maxMeteredBytes: 32 * 1024 * 1024,
  maxHeldBytes: 128 * 1024 * 1024,
  maxDiscardBytes: 1024 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 120_000,
  checkIntervalMs: 1_000,
  keepAliveMs: 60_000,
  upstreamIdleMs: 10 * 60_000,
  maxIdleUpstreams: 8,
  upstreamKeepAliveMs: 4_000,
  maxHandshakes: 32,
  handshakeMs: 10_000,
  maxCertificates: 256,
  certificateMs: 24 * 3_600_000,
  certificateLeftMs: 3_600_000,
  authorityMs: 365 * 24 * 3_600_000,
};
