import { HoldfastError, type StandardSchema } from "@holdfast/core";
import type { AnyDatabase } from "../database/database.ts";
import { type ActorConfig, type ActorDefinition, actor } from "../definition.ts";
import type { EventTokens } from "../event.ts";
import type { GuardMode } from "../internal/workflow/history/guard.ts";
import { markProgram } from "../internal/workflow/run/program.ts";
import { isFunction, isRecord } from "../internal/workflow/steps/step-settings.ts";
import type { QueueTokens } from "../queue.ts";
import type { ActorContext } from "../types.ts";
import type { WorkflowErrorEvent } from "./outcomes.ts";
import type { WorkflowContext } from "./types.ts";

/** Options of `workflow()`. */
export interface WorkflowOptions<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events = Record<never, never>,
  Queues = Record<never, never>,
> {
  /** Called once per failure; what it does is not part of the history. */
  readonly onError?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    event: WorkflowErrorEvent,
  ) => void | Promise<void>;
  /**
   * Reaction to code that reads the clock or randomness outside of a step: a warning in the log ("warn", the default),
   * a failure of the workflow ("error"), or none ("off").
   */
  readonly guard?: GuardMode;
  /** Validates the input of `start`. */
  readonly input?: StandardSchema<unknown, Input>;
  /** Validates the output of the workflow. */
  readonly output?: StandardSchema;
}

// biome-ignore lint/suspicious/noExplicitAny: what `createState`, `createConnState` and `createVars` return reaches a call inside the definition too late for TypeScript; only there these stay open.
type Late = any;

/** An actor whose `run` is a workflow: the argument of `actor()`, with the workflow's function as `run`. */
export type WorkflowDefinitionConfig<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events,
  Queues,
  Actions,
> = Omit<ActorConfig<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues, Actions>, "run"> & {
  readonly run: (
    ctx: WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    input: Input,
  ) => Promise<unknown>;
};

/**
 * Creates a `run` handler whose progress is durable: results of operations are recorded, and after a sleep or a crash
 * the function runs again with the recorded results. The same code must request the same operations in the same order.
 * Throws `workflow.invalid_definition`.
 */
export function workflow<
  State = Late,
  ConnParams = unknown,
  ConnState = Late,
  Vars = Late,
  Input = Late,
  Database extends AnyDatabase = undefined,
  Events extends EventTokens = Record<never, never>,
  Queues extends QueueTokens = Record<never, never>,
>(
  fn: (
    ctx: WorkflowContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    input: Input,
  ) => Promise<unknown>,
  options?: WorkflowOptions<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
): (c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>) => Promise<void>;
/**
 * Defines an actor whose `run` is a workflow, for `setup({ use })`; its function gets the types of the actor's state.
 */
export function workflow<
  State = undefined,
  ConnParams = unknown,
  ConnState = undefined,
  Vars = undefined,
  Input = unknown,
  Database extends AnyDatabase = undefined,
  const Events extends EventTokens = Record<never, never>,
  const Queues extends QueueTokens = Record<never, never>,
  Actions = unknown,
>(
  config: WorkflowDefinitionConfig<
    State,
    ConnParams,
    ConnState,
    Vars,
    Input,
    Database,
    Events,
    Queues,
    Actions
  >,
  options?: WorkflowOptions<
    NoInfer<State>,
    NoInfer<ConnParams>,
    NoInfer<ConnState>,
    NoInfer<Vars>,
    NoInfer<Input>,
    NoInfer<Database>,
    NoInfer<Events>,
    NoInfer<Queues>
  >,
): ActorDefinition<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues, Actions>;
export function workflow(first: unknown, options: ErasedOptions = {}): unknown {
  if (typeof first === "function") return handlerOf(first, options);
  if (!isRecord(first)) throw invalidWorkflow("workflow() takes a function, or a definition with `run`");
  // The definition is validated where all of them are; its types are those of the overload.
  return actor({ ...first, run: handlerOf(first.run, options) } as Parameters<typeof actor>[0]);
}

interface ErasedOptions {
  readonly onError?: ((c: never, event: never) => unknown) | undefined;
  readonly guard?: GuardMode;
  readonly input?: StandardSchema | undefined;
  readonly output?: StandardSchema | undefined;
}

function handlerOf(fn: unknown, options: ErasedOptions): () => Promise<void> {
  if (!isFunction(fn)) throw invalidWorkflow("The `run` of a workflow is a function");
  const { onError, guard = "warn", input, output } = options;
  if (onError !== undefined && typeof onError !== "function")
    throw invalidWorkflow("onError is not a function");
  if (!["warn", "error", "off"].includes(guard))
    throw invalidWorkflow('guard must be "warn", "error" or "off"');
  const handler = async (): Promise<void> => {
    throw invalidWorkflow("A workflow is started by its actor: pass it to actor() as `run`");
  };
  return markProgram(handler, { run: fn, onError, guard, input, output, manual: false });
}

export function invalidWorkflow(message: string): HoldfastError {
  return new HoldfastError("workflow", "invalid_definition", message);
}
