import { actorLimits, optionDefaults } from "../../limits.ts";
import { invalidDefinition, isFunction } from "./definition-checks.ts";

/** All options with defaults filled in; durations are in milliseconds. */
export interface ResolvedOptions {
  readonly createVarsTimeout: number;
  readonly createConnStateTimeout: number;
  readonly onBeforeConnectTimeout: number;
  readonly onConnectTimeout: number;
  readonly onMigrateTimeout: number;
  readonly sleepGracePeriod: number;
  readonly sleepTimeout: number;
  readonly stateSaveInterval: number;
  readonly actionTimeout: number;
  readonly connectionLivenessTimeout: number;
  readonly connectionLivenessInterval: number;
  readonly maxQueueSize: number;
  readonly maxQueueMessageSize: number;
  readonly maxSchedules: number;
  readonly noSleep: boolean;
  readonly canHibernateWebSocket: boolean | ((request: Request) => unknown);
  /** "gated": outputs wait for the preceding commit. "relaxed": outputs are sent before it. */
  readonly durability: "gated" | "relaxed";
  /** Whether actions run concurrently or one at a time. */
  readonly concurrency: "parallel" | "serial";
}

const delays = [
  "createVarsTimeout",
  "createConnStateTimeout",
  "onBeforeConnectTimeout",
  "onConnectTimeout",
  "onMigrateTimeout",
  "sleepGracePeriod",
  "sleepTimeout",
  "stateSaveInterval",
  "actionTimeout",
  "connectionLivenessTimeout",
  "connectionLivenessInterval",
] as const;
const counts = ["maxQueueSize", "maxQueueMessageSize", "maxSchedules"] as const;

/** Options of Rivet that have no effect here, with the reason. */
const withoutEffect: Readonly<Record<string, string>> = {
  noSleep: "is deprecated: use sleepTimeout: Infinity",
  onDestroyTimeout: "is replaced by sleepGracePeriod",
  onSleepTimeout: "is replaced by sleepGracePeriod",
  waitUntilTimeout: "is replaced by sleepGracePeriod",
  runStopTimeout: "is replaced by sleepGracePeriod",
  preloadMaxWorkflowBytes: "has no effect: nothing is preloaded",
  preloadMaxConnectionsBytes: "has no effect: nothing is preloaded",
  enableActorRuntimeSocket: "has no effect: the database is in this process",
};

const knownOptions = new Set<string>([
  ...delays,
  ...counts,
  ...Object.keys(withoutEffect),
  "name",
  "icon",
  "canHibernateWebSocket",
  "durability",
  "concurrency",
]);

/** Fills in the defaults; adds a line to `warnings` for each deprecated or ineffective option. */
export function resolveOptions(
  options: Readonly<Record<string, unknown>>,
  warnings: string[],
): ResolvedOptions {
  for (const key of Object.keys(options)) {
    if (!knownOptions.has(key)) throw invalidDefinition(`"${key}" is not an option of an actor`);
    const why = Object.hasOwn(withoutEffect, key) ? withoutEffect[key] : undefined;
    if (why !== undefined && options[key] !== undefined) warnings.push(`the option "${key}" ${why}`);
  }
  const delay = (name: (typeof delays)[number]): number => delayOf(options, name);
  const count = (name: (typeof counts)[number]): number => countOf(options, name);
  return {
    createVarsTimeout: delay("createVarsTimeout"),
    createConnStateTimeout: delay("createConnStateTimeout"),
    onBeforeConnectTimeout: delay("onBeforeConnectTimeout"),
    onConnectTimeout: delay("onConnectTimeout"),
    onMigrateTimeout: delay("onMigrateTimeout"),
    sleepGracePeriod: delay("sleepGracePeriod"),
    sleepTimeout: delay("sleepTimeout"),
    stateSaveInterval: delay("stateSaveInterval"),
    actionTimeout: delay("actionTimeout"),
    connectionLivenessTimeout: delay("connectionLivenessTimeout"),
    connectionLivenessInterval: delay("connectionLivenessInterval"),
    maxQueueSize: count("maxQueueSize"),
    maxQueueMessageSize: count("maxQueueMessageSize"),
    maxSchedules: count("maxSchedules"),
    noSleep: booleanOf(options, "noSleep"),
    canHibernateWebSocket: hibernation(options),
    durability: oneOf(options, "durability", ["gated", "relaxed"]),
    concurrency: oneOf(options, "concurrency", ["parallel", "serial"]),
  };
}

function delayOf(options: Readonly<Record<string, unknown>>, name: (typeof delays)[number]): number {
  const value = options[name] ?? optionDefaults[name];
  if (value === Number.POSITIVE_INFINITY) return actorLimits.maxDelayMs;
  if (typeof value !== "number" || !(value >= 0)) {
    throw invalidDefinition(`the option "${name}" is not a number of milliseconds`);
  }
  return Math.min(value, actorLimits.maxDelayMs);
}

function countOf(options: Readonly<Record<string, unknown>>, name: (typeof counts)[number]): number {
  const value = options[name] ?? optionDefaults[name];
  if (typeof value !== "number" || !(value >= 0) || Math.trunc(value) !== value) {
    throw invalidDefinition(`the option "${name}" is not a whole number`);
  }
  return value;
}

function booleanOf(options: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = options[name] ?? false;
  if (typeof value !== "boolean") throw invalidDefinition(`the option "${name}" is neither true nor false`);
  return value;
}

function oneOf<Value extends string>(
  options: Readonly<Record<string, unknown>>,
  name: string,
  values: readonly [Value, ...Value[]],
): Value {
  const configured = options[name];
  if (configured === undefined) return values[0];
  const value = values.find((item) => item === configured);
  if (value === undefined) {
    throw invalidDefinition(
      `the option "${name}" is not one of ${values.map((item) => `"${item}"`).join(", ")}`,
    );
  }
  return value;
}

function hibernation(options: Readonly<Record<string, unknown>>): ResolvedOptions["canHibernateWebSocket"] {
  const value = options.canHibernateWebSocket ?? false;
  if (typeof value === "boolean" || isFunction(value)) return value;
  throw invalidDefinition('the option "canHibernateWebSocket" is neither a boolean nor a function');
}

/** A display text from `options` or `run`. */
export function optionalText<Name extends string>(
  from: Readonly<Record<string, unknown>>,
  key: string,
  to: Name,
): { readonly [Key in Name]?: string } {
  const value = from[key];
  if (value === undefined) return {};
  if (typeof value !== "string") throw invalidDefinition(`"${key}" is not a string`);
  return { [to]: value } as { readonly [Key in Name]?: string };
}
