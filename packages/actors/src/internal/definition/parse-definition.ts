import { isStandardSchema, type StandardSchema } from "@holdfast/core";
import { didYouMean } from "@holdfast/core/did-you-mean";
import type { EventOptions } from "../../event.ts";
import type { QueueOptions } from "../../queue.ts";
import { getRunMetadata } from "../../run-handler.ts";
import { readPolicies } from "../queue/policy.ts";
import { workflowActions } from "../workflow/run/actions.ts";
import { type ActionRule, collectActions, withChecks } from "./action-rules.ts";
import { type AnyFunction, invalidDefinition, isFunction, isRecord } from "./definition-checks.ts";
import { parseInspectorTabs } from "./inspector-tabs.ts";
import { optionalText, resolveOptions } from "./options.ts";
import {
  type HookName,
  hookNames,
  type RunDefinition,
  type RuntimeDefinition,
} from "./runtime-definition.ts";

const connectionHooks = ["createConnState", "onBeforeConnect", "onConnect", "onDisconnect"] as const;

const knownKeys = new Set<string>([
  ...hookNames,
  "state",
  "connState",
  "vars",
  "stateSchema",
  "migrateState",
  "actions",
  "actionInputSchemas",
  "connParamsSchema",
  "run",
  "db",
  "events",
  "queues",
  "inspector",
  "options",
  "types",
]);

/** Validates a definition and erases its types. Throws `actor.invalid_definition`. */
export function parseDefinition(config: unknown): RuntimeDefinition {
  if (!isRecord(config)) throw invalidDefinition("actor() takes an object");
  for (const key of Object.keys(config)) {
    if (knownKeys.has(key)) continue;
    const meant = didYouMean(key, [...knownKeys]);
    throw invalidDefinition(`"${key}" is not a key of an actor definition.${meant}`);
  }
  exclusive(config, "state", "createState");
  exclusive(config, "connState", "createConnState");
  exclusive(config, "vars", "createVars");
  const options = recordOf(config, "options");
  const warnings: string[] = [];
  const resolved = resolveOptions(options, warnings);
  const actions = new Map<string, AnyFunction>();
  const actionRules = new Map<string, ActionRule>();
  if (config.actions !== undefined) collectActions(config.actions, "", actions, actionRules);
  const argSchemas = inputSchemas(recordOf(config, "actionInputSchemas"), actions);
  for (const [name, args] of argSchemas) actionRules.set(name, { ...actionRules.get(name), args });
  for (const [name, rule] of actionRules) {
    const action = actions.get(name);
    if (action !== undefined) actions.set(name, withChecks(name, action, rule));
  }
  const run = parseRun(config.run);
  const hooks = parseHooks(config);
  return {
    hooks,
    ...constant(config, "state"),
    ...schemaAt(config, "stateSchema"),
    migrateState: functionsAt(config, "migrateState"),
    ...constant(config, "connState"),
    ...constant(config, "vars"),
    actions,
    actionRules,
    actionInputSchemas: argSchemas,
    ...schemaAt(config, "connParamsSchema"),
    hasConnectionHooks:
      config.connParamsSchema !== undefined || connectionHooks.some((name) => name in hooks),
    ...(run && { run }),
    internalActions: workflowActions(run?.handler),
    ...(config.db === undefined ? {} : { db: recordOf(config, "db") }),
    events: parseEvents(recordOf(config, "events")),
    queues: parseQueues(recordOf(config, "queues")),
    options: resolved,
    inspectorTabs: parseInspectorTabs(recordOf(config, "inspector")),
    ...(run?.name === undefined ? {} : { displayName: run.name }),
    ...(run?.icon === undefined ? {} : { icon: run.icon }),
    ...optionalText(options, "name", "displayName"),
    ...optionalText(options, "icon", "icon"),
    warnings,
  };
}

function parseHooks(config: Readonly<Record<string, unknown>>): Partial<Record<HookName, AnyFunction>> {
  const hooks: Partial<Record<HookName, AnyFunction>> = {};
  for (const name of hookNames) {
    const hook = config[name];
    if (hook === undefined) continue;
    if (!isFunction(hook)) throw invalidDefinition(`"${name}" is not a function`);
    hooks[name] = hook;
  }
  return hooks;
}

function constant<Name extends "state" | "connState" | "vars">(
  config: Readonly<Record<string, unknown>>,
  name: Name,
): { readonly [Key in Name]?: { readonly initial: unknown } } {
  const initial = config[name];
  if (initial === undefined) return {};
  return { [name]: { initial } } as { readonly [Key in Name]?: { readonly initial: unknown } };
}

function schemaAt<Name extends "stateSchema" | "connParamsSchema">(
  config: Readonly<Record<string, unknown>>,
  name: Name,
): { readonly [Key in Name]?: StandardSchema } {
  const schema = config[name];
  if (schema === undefined) return {};
  if (!isStandardSchema(schema)) throw invalidDefinition(`"${name}" is not a Standard Schema`);
  return { [name]: schema } as { readonly [Key in Name]?: StandardSchema };
}

function functionsAt(config: Readonly<Record<string, unknown>>, name: string): readonly AnyFunction[] {
  const list = config[name] ?? [];
  if (!Array.isArray(list)) throw invalidDefinition(`"${name}" is not a list of functions`);
  return list.map((item: unknown, index) => {
    if (!isFunction(item)) throw invalidDefinition(`"${name}[${index}]" is not a function`);
    return item;
  });
}

function parseRun(run: unknown): RunDefinition | undefined {
  if (run === undefined) return undefined;
  if (isFunction(run)) return { handler: run, source: run, ...getRunMetadata(run) };
  if (!isRecord(run)) throw invalidDefinition('"run" is neither a function nor an object with one');
  for (const key of Object.keys(run)) {
    if (!["name", "icon", "run", "inspector"].includes(key)) {
      throw invalidDefinition(`"${key}" is not a key of "run"`);
    }
  }
  if (!isFunction(run.run)) throw invalidDefinition('"run.run" is not a function');
  return {
    handler: run.run,
    source: run,
    ...optionalText(run, "name", "name"),
    ...optionalText(run, "icon", "icon"),
    ...(run.inspector === undefined ? {} : { inspector: run.inspector }),
  };
}

/** Schemas are nested like the actions, or have dotted names. */
function inputSchemas(
  tree: Readonly<Record<string, unknown>>,
  actions: ReadonlyMap<string, AnyFunction>,
  prefix = "",
  into = new Map<string, StandardSchema>(),
): ReadonlyMap<string, StandardSchema> {
  for (const [name, item] of Object.entries(tree)) {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    if (isStandardSchema(item)) {
      if (!actions.has(path)) throw invalidDefinition(`"actionInputSchemas" names no action: "${path}"`);
      into.set(path, item);
    } else if (isRecord(item)) inputSchemas(item, actions, path, into);
    else throw invalidDefinition(`"actionInputSchemas.${path}" is not a Standard Schema`);
  }
  return into;
}

function parseEvents(events: Readonly<Record<string, unknown>>): ReadonlyMap<string, EventOptions> {
  const parsed = new Map<string, EventOptions>();
  for (const [name, token] of Object.entries(events)) {
    if (isStandardSchema(token)) parsed.set(name, { schema: token });
    else if (isRecord(token)) {
      checkSchema(token, "schema", `events.${name}`);
      checkFunction(token, "canSubscribe", `events.${name}`);
      parsed.set(name, token as EventOptions);
    } else throw invalidDefinition(`the event "${name}" was not created with event()`);
  }
  return parsed;
}

function parseQueues(queues: Readonly<Record<string, unknown>>): ReadonlyMap<string, QueueOptions> {
  const parsed = new Map<string, QueueOptions>();
  for (const [name, token] of Object.entries(queues)) {
    if (isStandardSchema(token)) parsed.set(name, { message: token });
    else if (isRecord(token)) {
      checkSchema(token, "message", `queues.${name}`);
      checkSchema(token, "complete", `queues.${name}`);
      checkFunction(token, "canPublish", `queues.${name}`);
      parsed.set(name, token as QueueOptions);
    } else throw invalidDefinition(`the queue "${name}" was not created with queue()`);
  }
  // Throws for an invalid policy.
  readPolicies(parsed);
  return parsed;
}

function checkSchema(token: Readonly<Record<string, unknown>>, key: string, at: string): void {
  if (token[key] === undefined || isStandardSchema(token[key])) return;
  throw invalidDefinition(`"${at}.${key}" is not a Standard Schema`);
}

function checkFunction(token: Readonly<Record<string, unknown>>, key: string, at: string): void {
  if (token[key] === undefined || isFunction(token[key])) return;
  throw invalidDefinition(`"${at}.${key}" is not a function`);
}

function recordOf(config: Readonly<Record<string, unknown>>, key: string): Readonly<Record<string, unknown>> {
  const value = config[key] === undefined ? {} : config[key];
  if (!isRecord(value)) throw invalidDefinition(`"${key}" is not an object`);
  return value;
}

function exclusive(config: Readonly<Record<string, unknown>>, constant: string, factory: string): void {
  if (config[constant] !== undefined && config[factory] !== undefined) {
    throw invalidDefinition(`"${constant}" and "${factory}" exclude each other`);
  }
}
