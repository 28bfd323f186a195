import { ActorDefinition } from "@holdfast/actors";
import { header } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import type { Definitions } from "@holdfast/server";
import type { AnyStaticActorDefinition } from "../types/definition-types.ts";

/** Whether this is what `actor()` returned. */
export function isStaticActorDefinition(definition: unknown): definition is AnyStaticActorDefinition {
  return definition instanceof ActorDefinition;
}

/** Whether this is an actor of a definition: they all are. */
export function isStaticActorInstance(instance: unknown): instance is object {
  return typeof instance === "object" && instance !== null;
}

/** The definition that a configuration has under a name. Throws `actor.not_found`. */
export function lookupInRegistry(config: { readonly use?: unknown }, name: string): AnyStaticActorDefinition {
  const { use } = config;
  const isThere = typeof use === "object" && use !== null && Object.hasOwn(use, name);
  const definition: unknown = isThere ? Reflect.get(use, name) : undefined;
  if (isStaticActorDefinition(definition)) return definition;
  throw new HoldfastError("actor", "not_found", `The registry has no actor of the name "${name}"`);
}

/** Display name and icon of each actor, as `GET /metadata` shows them. */
export function buildActorNames<Actors extends Definitions>(config: {
  readonly use: Actors;
}): Record<string, { metadata: Record<string, unknown> }> {
  return Object.fromEntries(
    Object.entries(config.use).map(([name, definition]) => {
      const { displayName, icon, run } = definition["~definition"];
      const shown = { icon: icon ?? run?.icon, name: displayName ?? run?.name };
      const metadata = Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== undefined));
      return [name, { metadata }];
    }),
  );
}

/** What a page of another origin may send with a request. */
export const ALLOWED_PUBLIC_HEADERS: readonly string[] = [
  "Content-Type",
  "User-Agent",
  ...Object.values(header),
];

/** Tabs of the inspector that every actor has. */
export const BUILTIN_INSPECTOR_TAB_IDS = [
  "workflow",
  "database",
  "state",
  "queue",
  "schedules",
  "connections",
  "console",
] as const;

/** How long a sleep or a destruction may take unless a definition says otherwise: 15,000 ms. */
export const DEFAULT_SLEEP_GRACE_PERIOD = 15_000;

/** For middleware that is called by hand: nothing comes after it. */
export function noopNext(): () => Promise<void> {
  return async () => undefined;
}
