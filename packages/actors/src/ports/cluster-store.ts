/** The port of a store that several nodes share: which nodes live, and which of them serves which actors. */

/** Identity of one run of a node. */
export interface NodeSession {
  readonly id: string;
  /** Different for each start, so that a restarted node does not inherit the leases of its last run. */
  readonly incarnation: string;
}

/** What a node says of itself. */
export interface NodeDescription extends NodeSession {
  /** URL under which other nodes reach it. */
  readonly address: string;
  /** Release of the software. */
  readonly version: string;
  /** Share of the actors, relative to other nodes: 1 by default. */
  readonly weight: number;
  readonly zone: string;
  /** True once it takes no new shards. */
  readonly draining: boolean;
  /** Names of the actors that it serves. */
  readonly serves: readonly string[];
}

/** A node whose session is in the store. */
export interface NodeRecord extends NodeDescription {
  /** Remaining time of the session in milliseconds, by the clock of the store; negative once it has expired. */
  readonly expiresInMs: number;
}

/** Shards of one scope that one run of a node holds. It holds them for as long as its session exists. */
export interface LeaseRecord extends NodeSession {
  /** Empty for all actors whose name has no scope of its own, otherwise the name. */
  readonly scope: string;
  readonly shards: readonly number[];
}

/** Nodes and leases at one moment. */
export interface ClusterView {
  /** Raised by every change of nodes or leases, but not by renewals. */
  readonly revision: number;
  readonly nodes: readonly NodeRecord[];
  readonly leases: readonly LeaseRecord[];
  /** Names with leases of their own, because not all nodes serve them. */
  readonly scopes: readonly string[];
}

export interface Renewal {
  readonly revision: number;
  /** True once this node, or somebody else in its name, wants it to hand over its actors. */
  readonly draining: boolean;
  /** Time in milliseconds until the first session of another node expires; undefined without other nodes. */
  readonly nextExpiryMs: number | undefined;
}

/**
 * Sessions of nodes and leases of shards. All times are those of the store. Leases only decide who should serve an
 * actor; what protects its data is the epoch of each commit.
 */
export interface ClusterStore {
  /** Number of shards of each scope; a power of two, fixed for the lifetime of the cluster. */
  readonly shards: number;
  /**
   * Starts a session. Names that only some of the nodes serve get a scope, whose shards stay where they are. Throws
   * `cluster.node_exists` if a session of another run of this node has not expired.
   */
  join(node: NodeDescription, ttlMs: number): Promise<void>;
  /** Extends the session, and remembers a wish to drain. Undefined if it has ended: its leases may belong to others. */
  renew(session: NodeSession, draining: boolean, ttlMs: number): Promise<Renewal | undefined>;
  view(): Promise<ClusterView>;
  /** Ends expired sessions, then takes those of the shards whose holder has no session. */
  claim(session: NodeSession, scope: string, shards: readonly number[]): Promise<void>;
  /** Asks a node to hand over its actors; its next renewal tells it. False if no such node has a session. */
  drain(id: string): Promise<boolean>;
  /** Passes shards on to another run of a node, if that still has a session. */
  transfer(session: NodeSession, to: NodeSession, scope: string, shards: readonly number[]): Promise<void>;
  /** Ends the session, and with it all its leases. */
  leave(session: NodeSession): Promise<void>;
}
