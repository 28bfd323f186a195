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

/** What `workflow()` takes beside the function. */
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
  /** Hears of failures, once each; what it does is not part of the history. */
  readonly onError?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    event: WorkflowErrorEvent,
  ) => void | Promise<void>;
  /**
   * What happens when the code reads the clock or randomness outside of a step: a warning in the log
   * ("warn", the default), a failure of the workflow ("error"), nothing ("off").
   */
  readonly guard?: GuardMode;
  /** Validates what `start` is called with. */
  readonly input?: StandardSchema<unknown, Input>;
  /** Validates what the workflow returns. */
  readonly output?: StandardSchema;
}

// biome-ignore lint/suspicious/noExplicitAny: what `createState`, `createConnState` and `createVars` return reaches a call inside the definition too late for TypeScript; only there these stay open.
type Late = any;

/** An actor whose `run` is a workflow, written as one: what `actor()` takes, with the function as `run`. */
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
 * Makes a `run` handler whose progress survives everything: what its operations have done is recorded,
 * and after a sleep or a crash the function is run again from the record. The same code must ask for
 * the same operations in the same order. Throws `workflow.invalid_definition`.
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
/** Defines an actor whose `run` is a workflow, for `setup({ use })`: the types of its state reach it. */
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
  // The definition is checked where all of them are, and its types are those of the overload.
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
  if (!["warn", "error", "off"].includes(guard)) throw invalidWorkflow('guard is "warn", "error" or "off"');
  const handler = async (): Promise<void> => {
    throw invalidWorkflow("A workflow is started by its actor: give it to actor() as `run`");
  };
  return markProgram(handler, { run: fn, onError, guard, input, output, manual: false });
}

export function invalidWorkflow(message: string): HoldfastError {
  return new HoldfastError("workflow", "invalid_definition", message);
}
