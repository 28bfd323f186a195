import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ActorInstance } from "@holdfast/actors";
import type { ActorTarget, ClientDriver } from "@holdfast/client";
import type { Exchange } from "../../gateway/http/exchange.ts";
import type { ClusterStatus } from "../member.ts";
import type { Placement } from "../placement.ts";

/** The other nodes, as the directory and the gateways of a node see them. */
export interface DirectoryCluster extends Placement {
  /** True if this node may serve actors now. */
  readonly isReady: boolean;
  /** False when another node may have served the actor since the instance was started. */
  mayAnswer(instance: ActorInstance): boolean;
  started(instance: ActorInstance): void;
  stopped(instance: ActorInstance): void;
  /** Calls actors of other nodes; `gate` resolves when what is sent now may leave. */
  remoteDriver(gate?: () => Promise<void>): ClientDriver;
  /** Hands over all actors; resolves when none is left, or its time is up. */
  drain(): Promise<void>;
  /** Leaves. Actors must be out of memory. */
  stop(): Promise<void>;
  /** The nodes and their shares, as of now. */
  status(): Promise<ClusterStatus>;
  /** Asks a node to hand over its actors. Throws `cluster.unknown_node`. */
  requestDrain(id: string): Promise<void>;
  /** This node's revision of the leases. */
  readonly revision: number;
  /** True if this node serves the target, as far as a node with this revision of the leases knows. */
  accepts(target: ActorTarget, revision: number): Promise<boolean>;
  /** Forwards a client's request. Resolves to false if this node serves the actor, and nothing was sent. */
  forward(exchange: Exchange, target: ActorTarget, isRaw: boolean): Promise<boolean>;
  /** Connects a client's WebSocket with its node. False if this node serves the actor, and nothing was read. */
  forwardSocket(
    target: ActorTarget,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<boolean>;
}
