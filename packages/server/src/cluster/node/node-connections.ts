import type { Duplex } from "node:stream";
import type { ActorTarget } from "@holdfast/client";

/** Connections of this program to itself on other nodes. */
export interface NodeConnections {
  /** Id of this node. */
  readonly id: string;
  /** The other nodes, as far as this one knows. */
  readonly others: readonly { readonly id: string; readonly serves: readonly string[] }[];
  /** True if this node is known to serve the actor. */
  isHere(target: ActorTarget): boolean;
  /**
   * Opens a connection that carries HTTP/1.1 to the node that serves an actor, or to the one with an id; `nodeFallback`
   * of its gateway answers there. Undefined if that is this node. Throws `cluster.node_lost`, `cluster.unknown_node`,
   * `actor.no_node`.
   */
  connect(to: ActorTarget | { readonly node: string }): Promise<Duplex | undefined>;
}
