/** The port of a store that several nodes share: which nodes live, and which of them serves which actors. */

/** Separates the name from the place in the scope of placed actors. Scopes with it do not begin with others' leases. */
export const placeMark = "\u001f";

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
  /** Actors that are bound to a region run on its nodes only; "" for none. */
  readonly region: string;
  /** Actors that are bound to a pool run on its nodes only. */
  readonly pools: readonly string[];
  /** True once it takes no new shards. */
  readonly draining: boolean;
  /** Names of the actors that it serves. */
  readonly serves: readonly string[];
  /**
   * Latest versions of stored states that it can load, by the names of actors whose state has migrations. Of nodes
   * that differ, only those with the latest version take actors with this name.
   */
  readonly stateVersions?: Readonly<Record<string, number>>;
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
  /** In any order. */
  readonly shards: readonly number[];
}

/** Nodes and leases at one moment. */
export interface ClusterView {
  /** Raised by every change of nodes or leases, but not by renewals. */
  readonly revision: number;
  /**
   * Random number of this revision, by which it is told from another change with the same number. Undefined if a node
   * of an earlier release has made it.
   */
  readonly mark: number | undefined;
  /** The same of the revision that the caller has seen before; undefined if it is not known any more. */
  readonly seenMark: number | undefined;
  /** Time of the store, in milliseconds since the epoch. */
  readonly now: number;
  readonly nodes: readonly NodeRecord[];
  readonly leases: readonly LeaseRecord[];
  /** Sets of actors with leases of their own: names that not all nodes serve, and places; see {@link placeMark}. */
  readonly scopes: readonly string[];
}

export interface Renewal {
  readonly revision: number;
  /** See {@link ClusterView}. */
  readonly mark: number | undefined;
  /** Time of the store, in milliseconds since the epoch. */
  readonly now: number;
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
  /** Different for each cluster. */
  readonly id: string;
  /** Number of shards of each scope; a power of two, fixed for the lifetime of the cluster. */
  readonly shards: number;
  /** Proofs of the secrets with which nodes may join, as the last start has left them; empty before the first. */
  credentials(): Promise<readonly string[]>;
  /** Replaces these proofs if they still are `expected`; false if another node was faster. */
  replaceCredentials(expected: readonly string[], next: readonly string[]): Promise<boolean>;
  /**
   * Starts a session. Names that only some of the nodes serve, or not all with the same state version, get a scope, whose shards stay where they are. Throws
   * `cluster.node_exists` if a session of another run of this node has not expired.
   */
  join(node: NodeDescription, ttlMs: number): Promise<void>;
  /** Extends the session, and remembers a wish to drain. Undefined if it has ended: its leases may belong to others. */
  renew(session: NodeSession, draining: boolean, ttlMs: number): Promise<Renewal | undefined>;
  /** Changes the weight of a node in its session; nothing if that has ended. */
  reweigh(session: NodeSession, weight: number): Promise<void>;
  /** `seen` is a revision that the caller has seen before, of which it wants to know the mark. */
  view(seen?: number): Promise<ClusterView>;
  /** Ends expired sessions, then takes those of the shards whose holder has no session. */
  claim(session: NodeSession, scope: string, shards: readonly number[]): Promise<void>;
  /** Asks a node to hand over its actors; its next renewal tells it. False if no such node has a session. */
  drain(id: string): Promise<boolean>;
  /** Passes shards on to another run of a node, if that still has a session. */
  transfer(session: NodeSession, to: NodeSession, scope: string, shards: readonly number[]): Promise<void>;
  /** Adds a scope without holders; nothing if it exists. */
  openScope(scope: string): Promise<void>;
  /** Writes the place of an actor that no node runs. False if it has another epoch, or does not exist. */
  place(actorId: string, epoch: number, place: string | undefined): Promise<boolean>;
  /** Ends the session, and with it all its leases. */
  leave(session: NodeSession): Promise<void>;
  /** Present if nodes can also send each other messages through the store. */
  readonly notifications?: StoreNotifications;
}

/** Messages between nodes, of which any may be lost, repeated or late. */
export interface StoreNotifications {
  /** True while messages for this node are likely to arrive. */
  readonly isListening: boolean;
  /** Listens to a topic from now on, over lost connections. Called once. */
  listen(topic: string, listener: NotificationListener): void;
  /** Ends that. */
  unlisten(): Promise<void>;
  /** Sends a message of at most 1,000 characters. Throws `store.unavailable`. */
  notify(topic: string, message: string): Promise<void>;
}

export interface NotificationListener {
  received(message: string): void;
  /** Called when messages arrive, at first and after each loss of the connection. */
  connected(): void;
}
