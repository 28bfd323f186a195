import type { StandardSchema } from "@holdfast/core";
import type { GuardMode } from "../history/guard.ts";

/** The arguments of `workflow()`, with their types erased. */
export interface Program {
  readonly run: (ctx: never, input: never) => unknown;
  readonly onError: ((c: never, event: never) => unknown) | undefined;
  readonly guard: GuardMode;
  readonly input: StandardSchema | undefined;
  readonly output: StandardSchema | undefined;
  /** True if it does not start by itself: `start(input)` starts it. */
  readonly manual: boolean;
}

const brand = Symbol.for("holdfast.workflow");

/** Marks a `run` handler as a workflow. */
export function markProgram<Handler extends object>(handler: Handler, program: Program): Handler {
  Object.defineProperty(handler, brand, { value: program });
  return handler;
}

/** The program behind a `run` handler that `workflow()` made. */
export function programOf(handler: unknown): Program | undefined {
  if (typeof handler !== "function") return undefined;
  const program: unknown = Reflect.get(handler, brand);
  // Only `markProgram` sets this property.
  return program as Program | undefined;
}
