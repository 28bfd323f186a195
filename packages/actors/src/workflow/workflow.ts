import { HoldfastError, type StandardSchema } from "@holdfast/core";
import type { AnyDatabase } from "../database.ts";
import type { EventTokens } from "../event.ts";
import type { GuardMode } from "../internal/workflow/guard.ts";
import { markProgram } from "../internal/workflow/program.ts";
import type { QueueTokens } from "../queue.ts";
import type { ActorContext } from "../types.ts";
import type { WorkflowContext, WorkflowErrorEvent } from "./types.ts";

export interface WorkflowOptions<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues> {
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
  options: WorkflowOptions<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues> = {},
): (c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>) => Promise<void> {
  if (typeof fn !== "function") throw invalidWorkflow("workflow() takes a function");
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
