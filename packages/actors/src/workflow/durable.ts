import type { StandardSchema } from "@holdfast/core";
import { type ActorDefinition, actor } from "../definition.ts";
import type { GuardMode } from "../internal/workflow/history/guard.ts";
import { markProgram } from "../internal/workflow/run/program.ts";
import type { ActorContext, ActorOptions } from "../types.ts";
import { type WorkflowStatus, workflowControl } from "./control.ts";
import type { WorkflowErrorEvent } from "./outcomes.ts";
import type { WorkflowContext } from "./types.ts";
import { invalidWorkflow } from "./workflow.ts";

type Nothing = Record<never, never>;

/** The context of a durable function: a workflow without an actor definition of its own. */
export type DurableContext<Input> = WorkflowContext<
  undefined,
  unknown,
  undefined,
  undefined,
  Input,
  undefined,
  Nothing,
  Nothing
>;

/** Options of `durable()`. */
export interface DurableOptions<Input, Output> {
  readonly onError?: (
    c: ActorContext<undefined, unknown, undefined, undefined, Input, undefined, Nothing, Nothing>,
    event: WorkflowErrorEvent,
  ) => void | Promise<void>;
  readonly guard?: GuardMode;
  /** Validates and types the input. */
  readonly input?: StandardSchema<unknown, Input>;
  /** Validates and types the output. */
  readonly output?: StandardSchema<unknown, Output>;
  readonly options?: ActorOptions;
}

/** The actions of a durable function. */
export interface DurableActions<Input, Output> {
  /** Starts it; returns false if it had started. A handle made with `createWithInput` has started already. */
  readonly start: (c: never, input?: Input) => Promise<boolean>;
  readonly get: (c: never) => Promise<WorkflowStatus<Output>>;
  /** Waits for the result. Throws `workflow.failed`, `workflow.cancelled`, `workflow.interrupted`. */
  readonly result: (c: never) => Promise<Output>;
  readonly cancel: (c: never, reason?: string) => Promise<boolean>;
  readonly signal: (c: never, name: string, payload?: unknown) => Promise<void>;
  readonly query: (c: never, name: string, ...args: readonly unknown[]) => Promise<unknown>;
}

/** The actor that `durable()` creates from a function. */
export type DurableDefinition<Input, Output> = ActorDefinition<
  undefined,
  unknown,
  undefined,
  undefined,
  Input,
  undefined,
  Nothing,
  Nothing,
  DurableActions<Input, Output>
>;

/**
 * A durable function: `use: { invoice: durable(async (ctx, input) => ...) }`. Each key of `client.invoice` is one run
 * of it, with `start`, `get`, `result`, `cancel`, `signal` and `query`. Throws `workflow.invalid_definition`.
 */
export function durable<Input = unknown, Output = unknown>(
  name: string,
  fn: (ctx: DurableContext<Input>, input: Input) => Promise<Output>,
  options?: DurableOptions<Input, Output>,
): DurableDefinition<Input, Output>;
export function durable<Input = unknown, Output = unknown>(
  fn: (ctx: DurableContext<Input>, input: Input) => Promise<Output>,
  options?: DurableOptions<Input, Output>,
): DurableDefinition<Input, Output>;
export function durable<Input, Output>(
  first: string | ((ctx: DurableContext<Input>, input: Input) => Promise<Output>),
  second?: ((ctx: DurableContext<Input>, input: Input) => Promise<Output>) | DurableOptions<Input, Output>,
  third?: DurableOptions<Input, Output>,
): DurableDefinition<Input, Output> {
  const name = typeof first === "string" ? first : undefined;
  const fn = typeof first === "string" ? second : first;
  const options = (typeof first === "string" ? third : second) ?? {};
  if (typeof fn !== "function") throw invalidWorkflow("durable() takes a function, or a name and a function");
  if (typeof options !== "object") throw invalidWorkflow("The options of durable() are not an object");
  const run = markProgram(async (): Promise<void> => {}, {
    run: fn,
    onError: options.onError,
    guard: options.guard ?? "warn",
    input: options.input,
    output: options.output,
    manual: true,
  });
  const definition = actor({
    run,
    actions: {
      start: (c: object, input?: unknown) => workflowControl(c).start(input),
      get: (c: object) => workflowControl(c).status(),
      result: (c: { readonly abortSignal: AbortSignal }) => workflowControl(c).result(c.abortSignal),
      cancel: (c: object, reason?: string) => workflowControl(c).cancel(reason),
      signal: (c: object, signal: string, payload?: unknown) => workflowControl(c).signal(signal, payload),
      query: (c: object, query: string, ...args: unknown[]) => workflowControl(c).query(query, ...args),
    },
    options: {
      // A caller may wait for a result that takes days.
      actionTimeout: Number.POSITIVE_INFINITY,
      ...(name === undefined ? {} : { name }),
      ...options.options,
    },
  });
  // The public type hides the actions that workflows use among themselves.
  return definition as unknown as DurableDefinition<Input, Output>;
}
