import { HoldfastError } from "@holdfast/core";
import type { TryStepCatchKind } from "../../../workflow/outcomes.ts";
import { checkName } from "../history/location.ts";
import { stepDefaults, workflowLimits } from "../limits.ts";

/** A validated step with its defaults. */
export interface StepSettings {
  readonly name: string;
  readonly run: (step: never) => unknown;
  readonly rollback: ((step: never, output: never) => unknown) | undefined;
  readonly maxRetries: number;
  readonly retryBackoffBase: number;
  readonly retryBackoffMax: number;
  readonly timeout: number;
  readonly retryOnTimeout: boolean;
  readonly ephemeral: boolean;
  readonly atomic: boolean;
  readonly concurrency: number | undefined;
}

const knownKeys = new Set([
  "name",
  "run",
  "rollback",
  "maxRetries",
  "retryBackoffBase",
  "retryBackoffMax",
  "timeout",
  "retryOnTimeout",
  "ephemeral",
  "atomic",
  "concurrency",
  "catch",
]);

/** Validates either form of a step. Throws `workflow.invalid_step`. */
export function stepSettings(nameOrConfig: unknown, run: unknown): StepSettings {
  const config = typeof nameOrConfig === "string" ? { name: nameOrConfig, run } : nameOrConfig;
  if (!isRecord(config)) throw invalid("step() takes a name and a function, or an object");
  for (const key of Object.keys(config)) {
    if (!knownKeys.has(key)) throw invalid(`"${key}" is not an option of a step`);
  }
  checkName(config.name, "step");
  if (!isFunction(config.run)) throw invalid(`Step "${config.name}" has no function "run"`);
  const { rollback, concurrency } = config;
  if (rollback !== undefined && !isFunction(rollback)) {
    throw invalid(`The rollback of step "${config.name}" is not a function`);
  }
  const timeout = stepTimeout(config.timeout ?? stepDefaults.timeout);
  return {
    name: config.name,
    run: config.run,
    rollback,
    maxRetries: wholeNumber(config.maxRetries ?? stepDefaults.maxRetries, "maxRetries", 0),
    retryBackoffBase: duration(config, "retryBackoffBase"),
    retryBackoffMax: duration(config, "retryBackoffMax"),
    timeout,
    retryOnTimeout: config.retryOnTimeout === true,
    ephemeral: config.ephemeral === true,
    atomic: config.atomic === true,
    concurrency: concurrency === undefined ? undefined : wholeNumber(concurrency, "concurrency", 1),
  };
}

export const defaultCatch: readonly TryStepCatchKind[] = ["critical", "timeout", "exhausted"];

export function catchKinds<Kind extends string>(
  config: unknown,
  known: readonly Kind[],
  fallback: readonly Kind[],
): readonly Kind[] {
  const kinds: unknown = isRecord(config) ? config.catch : undefined;
  if (kinds === undefined) return fallback;
  if (!Array.isArray(kinds) || kinds.some((kind) => !known.includes(kind))) {
    throw invalid(`"catch" is not a list of ${known.join(", ")}`);
  }
  return kinds;
}

/** 0 means none, as do negative times and times beyond the maximum of a timer. */
function stepTimeout(value: unknown): number {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw invalid('"timeout" is not a number of milliseconds');
  }
  return value < 0 || value > workflowLimits.maxTimerMs ? 0 : value;
}

function duration(
  config: Readonly<Record<string, unknown>>,
  name: "retryBackoffBase" | "retryBackoffMax",
): number {
  const value = config[name] ?? stepDefaults[name];
  if (typeof value === "number" && value >= 0) return value;
  throw invalid(`"${name}" is not a number of milliseconds`);
}

/** Infinity is a valid number of attempts. */
export function wholeNumber(value: unknown, name: string, least: number): number {
  if (
    typeof value === "number" &&
    value >= least &&
    (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)
  ) {
    return value;
  }
  throw invalid(`"${name}" is not an integer from ${least}`);
}

export function invalid(message: string): HoldfastError {
  return new HoldfastError("workflow", "invalid_step", message);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isFunction(value: unknown): value is (...args: never[]) => unknown {
  return typeof value === "function";
}
