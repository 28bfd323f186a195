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

/** The transactions of an actor, as far as who waits beside them has to know. */
export interface OpenTransactions {
  readonly open: boolean;
  /** The transaction that is open, where it is that of this context: one object up to its end. */
  openOf(owner: object): object | undefined;
  /** Resolves when no transaction of others has the actor to itself; undefined where none has. */
  othersEnd(owner: object): Promise<void> | undefined;
}

/**
 * A running actor as its pieces see it: what each of them may ask of it. What only one piece needs beyond
 * that stands beside the piece, as the interface of its owner. `Runtime` is all of them.
 */
export interface RunningActor extends ContextSource {
  readonly status: InstanceStatus;
  /** True until `onCreate` has ended. */
  readonly creating: boolean;
  /** True once no change is taken any more. */
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
  /** What the parts of the actor keep; commits with the turn. */
  readonly records: EntryBuffer;

  /** Runs user code on the stack; a turn that it leaves open ends at the next macrotask. */
  enter(fn: () => unknown): unknown;
  /** Runs a hook, if there is one; its turn ends with it. */
  hook(name: HookName, args: unknown[], timeoutMs?: number): Promise<unknown>;
  /** Asks one of the access hooks of an event or queue. */
  runAccessHook(hook: AnyFunction, ...args: unknown[]): Promise<unknown>;
  /** Without the proxies that watch the state. */
  unwrap(value: unknown): unknown;

  /** Something that user code changed will be written when the turn closes. */
  noteChange(): void;
  /** A part has something to write when the turn closes. */
  changed(): void;
  /** User code has changed something; `enter` tells whose code is on the stack, if any. */
  userWrote(): void;
  /** Something that is not user data has to be committed with this turn. */
  markDirty(): void;
}
