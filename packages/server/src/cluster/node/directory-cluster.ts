import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ActorInstance, ActorRecord, DueFilter } from "@holdfast/actors";
import type { ActorTarget, ClientDriver } from "@holdfast/client";
import type { ActorKey } from "@holdfast/core";
import type { Exchange } from "../../gateway/http/exchange.ts";
import type { ClusterStatus } from "../member.ts";
import type { Placement } from "../placement.ts";

/** Answers of other nodes, within a time limit. */
export interface NodeAnswers {
  readonly answers: readonly unknown[];
  /** Ids of the nodes that did not answer in time. */
  readonly unanswered: readonly string[];
}

/** The other nodes, as the directory and the gateways of a node see them. */
export interface DirectoryCluster extends Placement {
  /** True if this node may serve actors now. */
  readonly isReady: boolean;
  /**
   * The outcome of a read of the store. Throws `store.unavailable`, too, once this node has lost the database: it can
   * take minutes until the store notices, and another node can answer.
   */
  reach<T>(reading: Promise<T>): Promise<T>;
  /** Maximum time between two looks for due actors, in milliseconds. */
  readonly alarmPollMs: number;
  /** Tells the node that wakes an actor when it is due, if that is another one. */
  tellDue(name: string, key: ActorKey, at: number): void;
  /** Selects the actors that this node wakes; undefined if these are all. */
  readonly dueFilter: DueFilter | undefined;
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
  /** What `/metrics` shows of this node's part in the cluster. */
  metrics(): string;
  /** The nodes and their shares, as of now. */
  status(): Promise<ClusterStatus>;
  /** What the other nodes answer to a question about the actors in their memory. */
  askOthers(question: unknown): Promise<NodeAnswers>;
  /** Asks a node to hand over its actors. Throws `cluster.unknown_node`. */
  requestDrain(id: string): Promise<void>;
  /** Writes where an actor of this node, which is not in memory, runs from now on. Throws `cluster.unknown_place`. */
  relocate(record: ActorRecord, to: string, leave: () => Promise<void>): Promise<void>;
  /** This node's revision of the leases. */
  readonly revision: number;
  /** True if this node serves the target, as far as a node with this revision of the leases knows. */
  accepts(target: ActorTarget, revision: number): boolean | Promise<boolean>;
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
