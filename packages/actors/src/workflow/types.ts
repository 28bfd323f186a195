import type { QueueBody, QueueName } from "@holdfast/client";
import { WorkflowScopeContext } from "../internal/workflow/run/context.ts";
import { StepTarget } from "../internal/workflow/steps/step-context.ts";
import type { ActorLogger } from "../logger.ts";
import type { ReceivedMessage } from "../queue.ts";
import type { ActorContext, ActorShape } from "../types.ts";
import type { LoopIterationResult } from "./loop.ts";
import type { TryBlockCatchKind, TryBlockResult, TryStepCatchKind, TryStepResult } from "./outcomes.ts";
import type { ChildReference, SignalOptions } from "./waits.ts";

export type { EntryKind, EntryStatus, WorkflowState } from "../internal/workflow/history/record.ts";

import type { EntryKind } from "../internal/workflow/history/record.ts";

/**
 * A step's view of its actor. On the workflow's own context the same members work while one of its steps runs; outside
 * of steps they throw `workflow.outside_step`.
 */
export interface WorkflowStepContext<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events = Record<never, never>,
  Queues = Record<never, never>,
> extends Omit<
    ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    "sleep" | "queue" | "log" | "abortSignal"
  > {
  readonly workflowId: string;
  readonly log: ActorLogger;
  /** Aborts when the attempt times out, its branch loses, the workflow is cancelled or the actor stops. */
  readonly abortSignal: AbortSignal;
  /** True once the actor leaves memory. */
  isEvicted(): boolean;
  /** The same for every attempt of this step, and unique to it: pass it to services that must act only once. */
  readonly idempotencyKey: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly queue: WorkflowQueueSender<Queues>;
}

/** Sends from inside a step. */
export interface WorkflowQueueSender<Queues> {
  send<Name extends QueueName<Queues>>(name: Name, body: QueueBody<Queues, Name>): Promise<unknown>;
}

/** Options of `ctx.queue.next`. */
export interface WorkflowQueueNextOptions<Name extends string, Completable extends boolean> {
  /** The queues to receive from: all of them by default. */
  readonly names?: readonly Name[];
  /** Milliseconds to wait; without limit by default. */
  readonly timeout?: number;
  readonly completable?: Completable;
}

/** Options of `ctx.queue.nextBatch`. */
export interface WorkflowQueueBatchOptions<Name extends string, Completable extends boolean>
  extends WorkflowQueueNextOptions<Name, Completable> {
  /** Maximum number of messages: 1 by default. */
  readonly count?: number;
}

/** The actor's queues with durable receives: received messages are part of the history. */
export interface WorkflowQueue<Queues> extends WorkflowQueueSender<Queues> {
  /** The next message. Throws `queue.timed_out` when `timeout` passes first. */
  next<const Name extends QueueName<Queues>, const Completable extends boolean = false>(
    name: string,
    options?: WorkflowQueueNextOptions<Name, Completable>,
  ): Promise<ReceivedMessage<Queues, Name, Completable>>;
  /** At least one message, or none when `timeout` passes first. */
  nextBatch<const Name extends QueueName<Queues>, const Completable extends boolean = false>(
    name: string,
    options?: WorkflowQueueBatchOptions<Name, Completable>,
  ): Promise<ReceivedMessage<Queues, Name, Completable>[]>;
}

/** Durations in milliseconds. */
export interface StepConfig<Output, Context> {
  /** Unique in its scope: the workflow, an iteration of a loop, a branch. */
  readonly name: string;
  readonly run: (step: Context) => Output | Promise<Output>;
  /** Undoes the step; called with its result when the workflow fails. */
  readonly rollback?: (step: Context, output: Output) => void | Promise<void>;
  /** Attempts after the first: 3 */
  readonly maxRetries?: number;
  /** The n-th retry waits `min(retryBackoffMax, retryBackoffBase * 2^n)`: 100 */
  readonly retryBackoffBase?: number;
  /** 30,000 */
  readonly retryBackoffMax?: number;
  /** 30,000; 0 for none. */
  readonly timeout?: number;
  /** Retries after a timeout, which is critical otherwise: false */
  readonly retryOnTimeout?: boolean;
  /** Continues before the record is durable; it becomes durable with the next durable record. */
  readonly ephemeral?: boolean;
  /** Runs as one transaction: nothing else runs in the meantime, and a failed attempt changes nothing. */
  readonly atomic?: boolean;
  /** Maximum number of concurrent steps with this name in this workflow. */
  readonly concurrency?: number;
}

/** Options of `ctx.tryStep`. */
export interface TryStepConfig<Output, Context> extends StepConfig<Output, Context> {
  /** Failures to return as a result: critical, timeout and exhausted by default. */
  readonly catch?: readonly TryStepCatchKind[];
}

/** Options of `ctx.try`. */
export interface TryBlockConfig<Output, Context> {
  readonly name: string;
  readonly run: (ctx: Context) => Promise<Output>;
  /** Failures to return as a result: step, join and race by default. */
  readonly catch?: readonly TryBlockCatchKind[];
}

/** Options of `ctx.loop`. */
export interface LoopConfig<LoopState, Value, Context> {
  readonly name: string;
  /** The state of the first iteration. */
  readonly state?: LoopState;
  readonly run: (ctx: Context, state: LoopState) => LoopIterationResult<LoopState, Value>;
  /** Number of iterations after which old ones are deleted: 20 */
  readonly historyPruneInterval?: number;
  /** Number of past iterations that are kept: `historyPruneInterval` */
  readonly historySize?: number;
  /** @deprecated Use `historyPruneInterval`. */
  readonly commitInterval?: number;
  /** @deprecated Use `historyPruneInterval`. */
  readonly historyEvery?: number;
  /** @deprecated Use `historySize`. */
  readonly historyKeep?: number;
}

/** `StepConfig` with the contexts of one actor. */
export type WorkflowStepConfig<Output, State, ConnParams, ConnState, Vars, Input, Database, Events, Queues> =
  StepConfig<
    Output,
    WorkflowStepContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>
  >;
/** `TryStepConfig` with the contexts of one actor. */
export type WorkflowTryStepConfig<
  Output,
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events,
  Queues,
> = TryStepConfig<
  Output,
  WorkflowStepContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>
>;
/** `TryBlockConfig` with the contexts of one actor. */
export type WorkflowTryConfig<Output, State, ConnParams, ConnState, Vars, Input, Database, Events, Queues> =
  TryBlockConfig<
    Output,
    WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>
  >;
/** `LoopConfig` with the contexts of one actor. */
export type WorkflowLoopConfig<
  LoopState,
  Value,
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events,
  Queues,
> = LoopConfig<
  LoopState,
  Value,
  WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>
>;
/** A branch of a join. */
export interface WorkflowBranchConfig<
  Output,
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events,
  Queues,
> {
  readonly run: (
    ctx: WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
  ) => Promise<Output>;
}

/** Also a value, for `instanceof` and for programs that import the name without `type`. */
export const WorkflowStepContext: ContextTest = {
  [Symbol.hasInstance]: (value) => value instanceof StepTarget,
};

/** Also a value, for `instanceof` and for programs that import the name without `type`. */
export const WorkflowContext: ContextTest = {
  [Symbol.hasInstance]: (value) => value instanceof WorkflowScopeContext,
};

/** True if a value is a context: the right side of `instanceof`. */
export interface ContextTest {
  [Symbol.hasInstance](value: unknown): boolean;
}

/** The context of a workflow: operations that are recorded, and replayed from the record. */
export interface WorkflowContext<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events = Record<never, never>,
  Queues = Record<never, never>,
> extends Omit<
    WorkflowStepContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    "queue" | "idempotencyKey" | "attempt"
  > {
  /** Valid while a step runs. */
  readonly idempotencyKey: string;
  /** Valid while a step runs. */
  readonly attempt: number;
  /** The input of the workflow: from `start`, or the input of its actor. */
  readonly input: Input;
  readonly queue: WorkflowQueue<Queues>;

  /** Runs once and records its result. Throws `CriticalError`, `RollbackError`, `StepExhaustedError`. */
  step<Output>(
    name: string,
    run: (
      step: WorkflowStepContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    ) => Output | Promise<Output>,
  ): Promise<Output>;
  step<Output>(
    config: StepConfig<
      Output,
      WorkflowStepContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>
    >,
  ): Promise<Output>;

  /** As `step`, and returns the final failure as a value. */
  tryStep<Output>(
    name: string,
    run: (
      step: WorkflowStepContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    ) => Output | Promise<Output>,
  ): Promise<TryStepResult<Output>>;
  tryStep<Output>(
    config: TryStepConfig<
      Output,
      WorkflowStepContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>
    >,
  ): Promise<TryStepResult<Output>>;

  /** Runs operations and returns their failure as a value. */
  try<Output>(
    name: string,
    run: (
      ctx: WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    ) => Promise<Output>,
  ): Promise<TryBlockResult<Output>>;
  try<Output>(
    config: TryBlockConfig<
      Output,
      WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>
    >,
  ): Promise<TryBlockResult<Output>>;

  /** Repeats until `Loop.break(value)`; after a crash, continues with the last iteration. */
  loop<Value>(
    name: string,
    run: (
      ctx: WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    ) => LoopIterationResult<undefined, Value>,
  ): Promise<Value>;
  loop<LoopState, Value>(
    config: LoopConfig<
      LoopState,
      Value,
      WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>
    >,
  ): Promise<Value>;

  /** Waits, across sleeps and restarts of the actor. Milliseconds. */
  sleep(name: string, durationMs: number): Promise<void>;
  /** As `sleep`, until a time in milliseconds since the epoch. */
  sleepUntil(name: string, timestampMs: number): Promise<void>;

  /** Runs branches concurrently and waits for all of them. Throws `JoinError`. */
  join<
    Branches extends Record<
      string,
      {
        readonly run: (
          ctx: WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
        ) => Promise<unknown>;
      }
    >,
  >(
    name: string,
    branches: Branches,
  ): Promise<{ [Name in keyof Branches]: Awaited<ReturnType<Branches[Name]["run"]>> }>;

  /** Runs branches concurrently; the first that succeeds wins and the others are aborted. Throws `RaceError`. */
  race<Value>(
    name: string,
    branches: readonly {
      readonly name: string;
      readonly run: (
        ctx: WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
      ) => Promise<Value>;
    }[],
  ): Promise<{ readonly winner: string; readonly value: Value }>;

  /** Must come before the first step with a rollback. */
  rollbackCheckpoint(name: string): Promise<void>;
  /** Keeps the position of an entry that the code no longer has. */
  removed(name: string, originalType: EntryKind): Promise<void>;
  /**
   * `latest` for a workflow that reaches this call for the first time, 1 for one that was beyond it; the same from
   * then on.
   */
  getVersion(name: string, latest: number): Promise<number>;

  /** The time, recorded. Milliseconds since the epoch. */
  now(): number;
  /** A number from 0 up to 1, recorded. */
  random(): number;
  /** A UUID, recorded. */
  uuid(): string;

  /** Waits for a signal; undefined after `timeout`. */
  signal<Payload = unknown>(
    name: string,
    options?: SignalOptions & { readonly timeout?: undefined },
  ): Promise<Payload>;
  signal<Payload = unknown>(name: string, options: SignalOptions): Promise<Payload | undefined>;
  /** Answers `query(name, ...args)` of clients from now on; must not change anything. */
  query(name: string, handler: (...args: never[]) => unknown): void;
  /** Starts a workflow of another actor once, and waits for its output. Throws `ChildError`. */
  child<ChildInput, Output>(
    name: string,
    child: ChildReference<ChildInput, Output>,
    input?: ChildInput,
  ): Promise<Output>;
  /** Starts a new run with an empty history. `return` its result. */
  continueAsNew(input?: Input): Promise<never>;
}

/** The types that workflows of one actor derive from its definition. */
interface Shaped {
  readonly "~types"?: ActorShape<
    unknown,
    unknown,
    unknown,
    unknown,
    unknown,
    unknown,
    unknown,
    unknown,
    unknown
  >;
}
type ShapeOf<D extends Shaped> = NonNullable<D["~types"]>;

/** The context of the workflow of a definition: `WorkflowContextOf<typeof order>`. */
export type WorkflowContextOf<D extends Shaped> = WorkflowContext<
  ShapeOf<D>["state"],
  ShapeOf<D>["params"],
  ShapeOf<D>["connState"],
  ShapeOf<D>["vars"],
  ShapeOf<D>["input"],
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;
/** The context of the loops of a definition's workflow. */
export type WorkflowLoopContextOf<D extends Shaped> = WorkflowContextOf<D>;
/** The context of the branches of a definition's workflow. */
export type WorkflowBranchContextOf<D extends Shaped> = WorkflowContextOf<D>;
/** The context of the steps of a definition's workflow. */
export type WorkflowStepContextOf<D extends Shaped> = WorkflowStepContext<
  ShapeOf<D>["state"],
  ShapeOf<D>["params"],
  ShapeOf<D>["connState"],
  ShapeOf<D>["vars"],
  ShapeOf<D>["input"],
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;
