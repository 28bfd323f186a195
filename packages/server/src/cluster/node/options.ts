/** This process as a node: its options, and the parts that make up a cluster. */
/** Makes a registry one node of several that share a store. Times are in milliseconds. */
export interface ClusterOptions {
  /**
   * URL at which the other nodes reach this one: "http://10.0.0.5:6421". The node listens there; port 0 selects a
   * free one. Nothing else should be able to connect to it.
   */
  readonly advertise: string;
  /** The same text on all nodes, at least 16 characters. Several with commas while it is being rotated. */
  readonly secret: string;
  /** Name of this node, different from all others. The host name and the advertised port by default. */
  readonly node?: string;
  /** Host and port to listen at, where they differ from the advertised ones: "0.0.0.0:6421". */
  readonly listen?: string;
  /** Names of the actors that this node serves; all that it defines by default. */
  readonly serve?: readonly string[];
  /** Share of the actors relative to other nodes; 1 by default. */
  readonly weight?: number;
  readonly zone?: string;
  /** Time after which others take over a node that does not renew its session: 10,000. */
  readonly ttlMs?: number;
  /** 0.3 of `ttlMs` by default. */
  readonly renewMs?: number;
  /** Time before the end of its session at which a node stops to serve: 0.1 of `ttlMs` by default. */
  readonly maxDriftMs?: number;
  /** Time limit for handing over all actors before a shutdown: 30,000. */
  readonly drainMs?: number;
}

export const clusterDefaults = {
  ttlMs: 10_000,
  drainMs: 30_000,
  /** Time limit for connecting to another node. */
  connectTimeoutMs: 3_000,
  /** Time that a node that starts waits for others to hear of it. */
  announceTimeoutMs: 1_000,
  /** Time that a node that stops waits for the answers of other nodes to its clients. */
  forwardGraceMs: 5_000,
  /** Time limit for a node that connects to prove that it knows the secret. */
  handshakeTimeoutMs: 5_000,
} as const;
