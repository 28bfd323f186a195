/** This process as a node: its options, and the parts that make up a cluster. */

import type { CertificateFiles } from "../links/certificates.ts";
import type { ServerlessOptions, ServerlessPoolOptions } from "../serverless/options.ts";
import type { NatsOptions } from "../wakeups/nats-options.ts";
import type { WakeupTransport } from "../wakeups/transport.ts";

/** Makes a registry one node of several that share a store. Times are in milliseconds. */
export interface ClusterOptions {
  /**
   * URL at which the other nodes reach this one: "http://10.0.0.5:6421", or "https:" with `tls`. The node listens
   * there; port 0 selects a free one. Nothing else should be able to connect to it. Required, but for a serverless one.
   */
  readonly advertise?: string;
  /** The same text on all nodes, at least 16 characters. Several with commas while it is being rotated. */
  readonly secret: string;
  /**
   * Files of certificates, in addition to the secret: links are encrypted, and both sides show a certificate. They are
   * read again when they change.
   */
  readonly tls?: CertificateFiles;
  /** Name of this node, different from all others. The host name and the advertised port by default. */
  readonly node?: string;
  /** Host and port to listen at, where they differ from the advertised ones: "0.0.0.0:6421". */
  readonly listen?: string;
  /** Names of the actors that this node serves; all that it defines by default. */
  readonly serve?: readonly string[];
  /** Share of the actors relative to other nodes; 1 by default. */
  readonly weight?: number;
  readonly zone?: string;
  /** Actors that are created in a region run on its nodes only; the region of the registry by default. */
  readonly region?: string;
  /** Actors that are created in a pool run on its nodes only. */
  readonly pools?: readonly string[];
  /** Time after which others take over a node that does not renew its session: 10,000. */
  readonly ttlMs?: number;
  /** 0.3 of `ttlMs` by default. */
  readonly renewMs?: number;
  /** Time before the end of its session at which a node stops to serve: 0.1 of `ttlMs` by default. */
  readonly maxDriftMs?: number;
  /** Calls of clients that may be in progress on this node; beyond, `server.busy`: 8,192. */
  readonly maxCallsInProgress?: number;
  /** Time limit for handing over all actors before a shutdown: 30,000. */
  readonly drainMs?: number;
  /** NATS servers that carry wake-ups between nodes: a URL, several with commas, or all options. */
  readonly nats?: string | NatsOptions;
  /**
   * How this node sends and receives wake-ups, in order of preference: "nats", "links", "notify" by default, of which
   * those that cannot work are left out. Without any, nodes only look for themselves.
   */
  readonly wakeups?: readonly WakeupTransport["name"][];
  /** Maximum time between two looks for due actors: 1,000, or 5,000 while other nodes can wake this one. */
  readonly pollMs?: number;
  /**
   * This process is behind scale-to-zero HTTP: requests start it and keep it alive. It has no address, and connects to
   * the nodes that have one.
   */
  readonly serverless?: boolean | ServerlessOptions;
  /** Where this node starts serverless ones, for actors that no running node takes. */
  readonly serverlessPools?: readonly ServerlessPoolOptions[];
}

export const clusterDefaults = {
  ttlMs: 10_000,
  drainMs: 30_000,
  /** Time limit for connecting to another node. */
  connectTimeoutMs: 3_000,
  /** Time between two looks at the files of certificates, where the file system reports no changes. */
  certificateReloadMs: 60_000,
  /** Time between two pings of a link, and the time to answer one: beyond, the link is opened again. */
  pingMs: 3_000,
  pingTimeoutMs: 7_000,
  /** Time that a node that starts waits for others to hear of it. */
  announceTimeoutMs: 1_000,
  /** Time limit for another node to say whether it reaches this one; longer than `connectTimeoutMs`. */
  reachTimeoutMs: 5_000,
  /** Time limit for the other nodes to say which actors they have in memory. */
  answerTimeoutMs: 2_000,
  /** Pause before a node that does not listen connects again to one that does. */
  reconnectMs: 500,
  /** Difference of clocks at which a node warns: its own code sees the clock of the machine. */
  clockWarningMs: 5_000,
  /** Time that a node that stops waits for the answers of other nodes to its clients. */
  forwardGraceMs: 5_000,
  /** Time limit for a node that connects to prove that it knows the secret. */
  handshakeTimeoutMs: 5_000,
} as const;
