import { isRecord } from "./internal/definition/definition-checks.ts";

/** Display options of a `run` handler in the inspector. */
export interface DefineRunHandlerOptions {
  readonly name?: string | undefined;
  readonly icon?: string | undefined;
  /** Accepted without effect: the inspector detects workflows automatically. */
  readonly inspectorKind?: "workflow" | undefined;
  /** Accepted without effect: the inspector detects workflows automatically. */
  readonly createInspector?: unknown;
}

/** The display options of a `run` handler. */
export interface RunMetadata {
  readonly name?: string;
  readonly icon?: string;
}

type RunFunction = (...args: never[]) => unknown;

/** A `run` handler as `actor()` accepts it. */
type Run = RunFunction | { readonly run: RunFunction; readonly name?: string; readonly icon?: string };

/** A global symbol, shared by all copies of this module in a process. */
const brand = Symbol.for("holdfast.run-handler");

/** Returns the function with display options for the inspector: `run: defineRunHandler(fn, { name: "Worker" })`. */
export function defineRunHandler<Handler extends RunFunction>(
  run: Handler,
  options: DefineRunHandlerOptions = {},
): Handler {
  Object.defineProperty(run, brand, { value: metadataOf(options), configurable: true });
  return run;
}

/** The function of a `run`, in either form. */
export function getRunFunction(run: Run | undefined): RunFunction | undefined {
  return typeof run === "function" ? run : run?.run;
}

/** Name and icon of a `run`, if set. */
export function getRunMetadata(run: Run | undefined): RunMetadata {
  return metadataOf(typeof run === "function" ? Reflect.get(run, brand) : run);
}

function metadataOf(source: unknown): RunMetadata {
  if (!isRecord(source)) return {};
  const { name, icon } = source;
  return {
    ...(typeof name === "string" ? { name } : {}),
    ...(typeof icon === "string" ? { icon } : {}),
  };
}
