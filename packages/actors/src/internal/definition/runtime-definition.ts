import type { StandardSchema } from "@holdfast/core";
import type { EventOptions } from "../../event.ts";
import type { QueueOptions } from "../../queue.ts";
import type { ActionRule } from "./action-rules.ts";
import type { AnyFunction } from "./definition-checks.ts";
import type { InspectorTab } from "./inspector-tabs.ts";
import type { ResolvedOptions } from "./options.ts";

export type { AnyFunction } from "./definition-checks.ts";
export type { ResolvedOptions } from "./options.ts";

/** The hooks of a definition. */
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

/** The `run` handler, from either form. */
export interface RunDefinition {
  readonly handler: AnyFunction;
  /** The form of `run` in the definition: a function, or an object with one. */
  readonly source: object;
  readonly name?: string;
  readonly icon?: string;
  readonly inspector?: unknown;
}

/** A validated definition with its types erased. */
export interface RuntimeDefinition {
  readonly hooks: Readonly<Partial<Record<HookName, AnyFunction>>>;
  /** Set if `state` is given; the constant is copied for each actor. */
  readonly state?: { readonly initial: unknown };
  readonly stateSchema?: StandardSchema;
  /**
   * Migrate a stored state from one version to the next; the version of a state is the number of migrations it has
   * been through.
   */
  readonly migrateState: readonly AnyFunction[];
  readonly connState?: { readonly initial: unknown };
  readonly vars?: { readonly initial: unknown };
  /** Actions by dotted name. */
  readonly actions: ReadonlyMap<string, AnyFunction>;
  /** Actions that actors call on each other; not listed anywhere. */
  readonly internalActions: ReadonlyMap<string, AnyFunction>;
  /** The options of `action()` by dotted name; plain functions have none. */
  readonly actionRules: ReadonlyMap<string, ActionRule>;
  /** Schemas of arguments, by dotted name. */
  readonly actionInputSchemas: ReadonlyMap<string, StandardSchema>;
  readonly connParamsSchema?: StandardSchema;
  /** True if a stateless call has to run the connection hooks. */
  readonly hasConnectionHooks: boolean;
  readonly run?: RunDefinition;
  /** The provider of `c.db`. */
  readonly db?: Readonly<Record<string, unknown>>;
  /** A plain schema has been converted into options with that schema. */
  readonly events: ReadonlyMap<string, EventOptions>;
  readonly queues: ReadonlyMap<string, QueueOptions>;
  readonly options: ResolvedOptions;
  readonly inspectorTabs: readonly InspectorTab[];
  readonly displayName?: string;
  readonly icon?: string;
  /** Warnings to log once: deprecated options and options without effect. */
  readonly warnings: readonly string[];
}
