/** One running actor from start to stop: its components, hooks, activity and idle sleep. */
import type { Ports } from "@holdfast/core";
import type { ActorLogger } from "../../logger.ts";
import type { ActorHost } from "../../ports/instance.ts";
import type { ContextSource } from "../calls/context.ts";
import type { RuntimeDefinition } from "../definition/runtime-definition.ts";
import type { EntryBuffer } from "../kv/entry-buffer.ts";
import type { ActorState } from "../turn/actor-state.ts";
import type { CommitQueue } from "../turn/commit-queue.ts";
import type { TransactionLock } from "../turn/transaction-lock.ts";
import type { TurnTracker } from "../turn/turn-tracker.ts";
import type { Activity } from "./activity.ts";
import type { ErrorFilter } from "./error-filter.ts";
import type { ActorPhase } from "./phase.ts";

/** The transactions of an actor, as seen by code that must wait for them. */
export interface OpenTransactions {
  readonly open: boolean;
  /** The open transaction if it belongs to this context: the same object until it ends. */
  openOf(owner: object): object | undefined;
  /** Resolves when no other context's transaction is exclusive; undefined if none is. */
  whenOthersEnd(owner: object): Promise<void> | undefined;
}

/**
 * The objects that make up every running actor. A component takes those that it works with: its constructor
 * names them with `Pick<ActorCore, ...>`, and adds what only it needs.
 */
export interface ActorCore {
  readonly id: string;
  readonly name: string;
  /** Its name in the store, which includes its namespace. */
  readonly storedName: string;
  /** Where it may run, if not everywhere. */
  readonly place: string | undefined;
  readonly key: readonly string[];
  readonly definition: RuntimeDefinition;
  readonly host: ActorHost;
  readonly ports: Ports;
  readonly phase: ActorPhase;
  readonly activity: Activity;
  readonly turn: TurnTracker;
  readonly queue: CommitQueue;
  readonly state: ActorState;
  readonly errors: ErrorFilter;
  readonly log: ActorLogger;
  /** Members behind `c`, from which the contexts of user code are made. */
  readonly context: ContextSource;
  /** Records of the actor's parts, committed with the turn. */
  readonly records: EntryBuffer;
  readonly transactionLock: TransactionLock;
  readonly transactions: OpenTransactions;
  readonly inTransaction: boolean;
}
