import { HoldfastError } from "@holdfast/core";

/** A hook or action without its types: the runtime hands it contexts and arguments. */
export type AnyFunction = (...args: unknown[]) => unknown;

export interface ResolvedOptions {
  readonly createVarsTimeout: number;
  readonly createConnStateTimeout: number;
  readonly onBeforeConnectTimeout: number;
  readonly onConnectTimeout: number;
  readonly sleepGracePeriod: number;
  readonly sleepTimeout: number;
  readonly noSleep: boolean;
  readonly actionTimeout: number;
}

const hookNames = [
  "createState",
  "createConnState",
  "createVars",
  "onCreate",
  "onMigrate",
  "onWake",
  "onSleep",
  "onDestroy",
  "onStateChange",
  "onBeforeConnect",
  "onConnect",
  "onDisconnect",
  "onBeforeActionResponse",
] as const;

export type HookName = (typeof hookNames)[number];

/** A checked definition with its types erased. */
export interface RuntimeDefinition {
  readonly hooks: Readonly<Partial<Record<HookName, AnyFunction>>>;
  /** Present when `state` was given; the constant is copied for each actor. */
  readonly state?: { readonly initial: unknown };
  readonly connState?: { readonly initial: unknown };
  readonly vars?: { readonly initial: unknown };
  /** By dotted name. */
  readonly actions: ReadonlyMap<string, AnyFunction>;
  readonly events: readonly string[];
  readonly options: ResolvedOptions;
  readonly displayName?: string;
  readonly icon?: string;
}

const constantNames = ["state", "connState", "vars"] as const;
const knownKeys = new Set<string>([
  ...hookNames,
  ...constantNames,
  "actions",
  "db",
  "events",
  "queues",
  "options",
]);
const timeouts = {
  createVarsTimeout: 5_000,
  createConnStateTimeout: 5_000,
  onBeforeConnectTimeout: 5_000,
  onConnectTimeout: 5_000,
  sleepGracePeriod: 15_000,
  sleepTimeout: 30_000,
  actionTimeout: 60_000,
} as const;
const knownOptions = new Set([...Object.keys(timeouts), "name", "icon", "noSleep", "stateSaveInterval"]);
/** Longer delays overflow the timers of common runtimes. */
const maxDelayMs = 2_147_483_647;

/** Checks a definition and erases its types. Throws `actor.invalid_definition`. */
export function parseDefinition(config: unknown): RuntimeDefinition {
  if (!isRecord(config)) throw invalid("actor() takes an object");
  for (const key of Object.keys(config)) {
    if (!knownKeys.has(key)) throw invalid(`"${key}" is not a key of an actor definition`);
  }
  exclusive(config, "state", "createState");
  exclusive(config, "connState", "createConnState");
  exclusive(config, "vars", "createVars");
  const hooks: Partial<Record<HookName, AnyFunction>> = {};
  for (const name of hookNames) {
    const hook = config[name];
    if (hook === undefined) continue;
    if (!isFunction(hook)) throw invalid(`"${name}" is not a function`);
    hooks[name] = hook;
  }
  const actions = new Map<string, AnyFunction>();
  if (config.actions !== undefined) collectActions(config.actions, "", actions);
  const options = config.options ?? {};
  if (!isRecord(options)) throw invalid('"options" is not an object');
  return {
    hooks,
    ...(config.state === undefined ? {} : { state: { initial: config.state } }),
    ...(config.connState === undefined ? {} : { connState: { initial: config.connState } }),
    ...(config.vars === undefined ? {} : { vars: { initial: config.vars } }),
    actions,
    events: eventNames(config.events),
    options: resolveOptions(options),
    ...optionalText(options, "name", "displayName"),
    ...optionalText(options, "icon", "icon"),
  };
}

function collectActions(tree: unknown, prefix: string, into: Map<string, AnyFunction>): void {
  if (!isRecord(tree))
    throw invalid(`"actions${prefix && `.${prefix}`}" is neither a function nor a group of actions`);
  for (const [name, item] of Object.entries(tree)) {
    if (name === "") throw invalid("an action has an empty name");
    const path = prefix === "" ? name : `${prefix}.${name}`;
    if (into.has(path)) throw invalid(`two actions are named "${path}"`);
    if (isFunction(item)) into.set(path, item);
    else collectActions(item, path, into);
  }
}

function eventNames(events: unknown): readonly string[] {
  if (events === undefined) return [];
  if (!isRecord(events)) throw invalid('"events" is not an object');
  for (const [name, token] of Object.entries(events)) {
    if (!isRecord(token)) throw invalid(`the event "${name}" is not made with event()`);
  }
  return Object.keys(events);
}

function resolveOptions(options: Readonly<Record<string, unknown>>): ResolvedOptions {
  for (const key of Object.keys(options)) {
    if (!knownOptions.has(key)) throw invalid(`"${key}" is not an option of an actor`);
  }
  const delay = (name: keyof typeof timeouts): number => {
    const value = options[name] ?? timeouts[name];
    if (value === Number.POSITIVE_INFINITY) return maxDelayMs;
    if (typeof value !== "number" || !(value >= 0)) {
      throw invalid(`the option "${name}" is not a number of milliseconds`);
    }
    return Math.min(value, maxDelayMs);
  };
  return {
    createVarsTimeout: delay("createVarsTimeout"),
    createConnStateTimeout: delay("createConnStateTimeout"),
    onBeforeConnectTimeout: delay("onBeforeConnectTimeout"),
    onConnectTimeout: delay("onConnectTimeout"),
    sleepGracePeriod: delay("sleepGracePeriod"),
    sleepTimeout: delay("sleepTimeout"),
    actionTimeout: delay("actionTimeout"),
    noSleep: options.noSleep === true,
  };
}

function optionalText<Name extends string>(
  options: Readonly<Record<string, unknown>>,
  from: string,
  to: Name,
): { readonly [Key in Name]?: string } {
  const value = options[from];
  if (value === undefined) return {};
  if (typeof value !== "string") throw invalid(`the option "${from}" is not a string`);
  return { [to]: value } as { readonly [Key in Name]?: string };
}

function exclusive(config: Readonly<Record<string, unknown>>, constant: string, factory: string): void {
  if (config[constant] !== undefined && config[factory] !== undefined) {
    throw invalid(`"${constant}" and "${factory}" exclude each other`);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

function invalid(why: string): HoldfastError {
  return new HoldfastError("actor", "invalid_definition", `The actor definition is invalid: ${why}`);
}
