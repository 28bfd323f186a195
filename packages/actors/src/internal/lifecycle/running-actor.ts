/** One running actor from start to stop: its components, hooks, activity and idle sleep. */
import type { Ports } from "@holdfast/core";
import type { ActorLogger } from "../../logger.ts";
import type { ActorHost, InstanceStatus } from "../../ports/instance.ts";
import type { ContextSource } from "../calls/context.ts";
import type { AnyFunction, HookName, RuntimeDefinition } from "../definition/runtime-definition.ts";
import type { EntryBuffer } from "../kv/entry-buffer.ts";
import type { CommitQueue } from "../turn/commit-queue.ts";
import type { TransactionLock } from "../turn/transaction-lock.ts";
import type { Activity } from "./activity.ts";
import type { ErrorFilter } from "./error-filter.ts";

/** The transactions of an actor, as seen by code that must wait for them. */
export interface OpenTransactions {
  readonly open: boolean;
  /** The open transaction if it belongs to this context: the same object until it ends. */
  openOf(owner: object): object | undefined;
  /** Resolves when no other context's transaction is exclusive; undefined if none is. */
  othersEnd(owner: object): Promise<void> | undefined;
}

/**
 * A running actor as its components see it. What only one component needs beyond this is declared beside that
 * component. `Runtime` implements all of them.
 */
export interface RunningActor extends ContextSource {
  readonly status: InstanceStatus;
  /** True until `onCreate` has ended. */
  readonly creating: boolean;
  /** True once changes are refused. */
  readonly sealed: boolean;
  readonly inTransaction: boolean;
  readonly transactions: OpenTransactions;
  readonly host: ActorHost;
  readonly ports: Ports;
  readonly definition: RuntimeDefinition;
  readonly errors: ErrorFilter;
  readonly log: ActorLogger;
  readonly activity: Activity;
  readonly transactionLock: TransactionLock;
  readonly queue: CommitQueue;
  /** Records of the actor's parts, committed with the turn. */
  readonly records: EntryBuffer;

  /** Runs user code on the stack; a turn that it leaves open ends at the next macrotask. */
  enter(fn: () => unknown): unknown;
  /** Runs a hook, if there is one; its turn ends with it. */
  hook(name: HookName, args: unknown[], timeoutMs?: number): Promise<unknown>;
  /** Runs an access hook of an event or queue; the turn ends with it. */
  runAccessHook(hook: AnyFunction, ...args: unknown[]): Promise<unknown>;
  /** Returns the plain value behind the proxies that track the state. */
  unwrap(value: unknown): unknown;

  /** Something that user code changed will be written when the turn closes. */
  noteChange(): void;
  /** A part has something to write when the turn closes. */
  changed(): void;
  /** User code changed something, either on the stack or after an `await`. */
  userWrote(): void;
  /** Something that is not user data has to be committed with this turn. */
  markDirty(): void;
}
