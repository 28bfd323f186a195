import type { StandardSchema } from "@holdfast/core";
import type { EventOptions } from "../../event.ts";
import type { QueueOptions } from "../../queue.ts";
import type { ActionRule } from "./action-rules.ts";
import type { AnyFunction } from "./definition-checks.ts";
import type { InspectorTab } from "./inspector-tabs.ts";
import type { ResolvedOptions } from "./options.ts";

export type { AnyFunction } from "./definition-checks.ts";
export type { ResolvedOptions } from "./options.ts";

/** The hooks that a definition may have. */
export const hookNames = [
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
  "onRequest",
  "onWebSocket",
  "onAuth",
] as const;

export type HookName = (typeof hookNames)[number];

/** The `run` handler, whichever way it was given. */
export interface RunDefinition {
  readonly handler: AnyFunction;
  /** What `run` was given as: a function, or an object around one. */
  readonly source: object;
  readonly name?: string;
  readonly icon?: string;
  readonly inspector?: unknown;
}

/** A checked definition with its types erased. */
export interface RuntimeDefinition {
  readonly hooks: Readonly<Partial<Record<HookName, AnyFunction>>>;
  /** Present when `state` was given; the constant is copied for each actor. */
  readonly state?: { readonly initial: unknown };
  readonly stateSchema?: StandardSchema;
  /** Bring a stored state from one version to the next; a state's version is how many it has seen. */
  readonly migrateState: readonly AnyFunction[];
  readonly connState?: { readonly initial: unknown };
  readonly vars?: { readonly initial: unknown };
  /** By dotted name. */
  readonly actions: ReadonlyMap<string, AnyFunction>;
  /** What actors call on each other without it being shown to anybody. */
  readonly internalActions: ReadonlyMap<string, AnyFunction>;
  /** What `action()` says of it, by dotted name; absent for plain functions. */
  readonly actionRules: ReadonlyMap<string, ActionRule>;
  /** Of an action's arguments, by dotted name. */
  readonly actionInputSchemas: ReadonlyMap<string, StandardSchema>;
  readonly connParamsSchema?: StandardSchema;
  /** True when a stateless call has to go through the hooks of a connection. */
  readonly hasConnectionHooks: boolean;
  readonly run?: RunDefinition;
  /** The provider of `c.db`. */
  readonly db?: Readonly<Record<string, unknown>>;
  /** A plain schema has become options with that schema. */
  readonly events: ReadonlyMap<string, EventOptions>;
  readonly queues: ReadonlyMap<string, QueueOptions>;
  readonly options: ResolvedOptions;
  readonly inspectorTabs: readonly InspectorTab[];
  readonly displayName?: string;
  readonly icon?: string;
  /** What the log is told once: options that are deprecated or without effect. */
  readonly warnings: readonly string[];
}
