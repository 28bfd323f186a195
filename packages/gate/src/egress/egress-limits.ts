/** Limits of the egress proxy, per jail. */
export interface EgressLimits {
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxRequestBytes: number;
  /** Of a request to a model where a budget applies: it is read before it is sent. */
  readonly maxMeteredBytes: number;
  /** Of all such requests of a jail at once. */
  readonly maxHeldBytes: number;
  /** Read and thrown away of the body of a refused request. */
  readonly maxDiscardBytes: number;
  /** Until the head of a request is complete. */
  readonly headersTimeoutMs: number;
  /** Until the whole request is. */
  readonly requestTimeoutMs: number;
  readonly checkIntervalMs: number;
  readonly keepAliveMs: number;
  /** Without a byte from or to the upstream; models may think for long. */
  readonly upstreamIdleMs: number;
  /** Connections to one upstream that wait for the next request. */
  readonly maxIdleUpstreams: number;
  /** How long one waits. */
  readonly upstreamKeepAliveMs: number;
  /** Tunnels at once that are on the way to their end in the proxy. */
  readonly maxHandshakes: number;
  /** From the first message of TLS to the last of such a tunnel. */
  readonly handshakeMs: number;
  /** Certificates for single hosts that are kept for the next tunnel. */
  readonly maxCertificates: number;
  /** How long one is valid. */
  readonly certificateMs: number;
  /** One with less than this left is made anew. */
  readonly certificateLeftMs: number;
  /** How long the certificate of a jail's own authority is; its key ends with the way out. */
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
