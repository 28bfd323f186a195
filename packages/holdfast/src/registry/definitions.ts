import { ActorDefinition } from "@holdfast/actors";
import { header } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import type { Definitions } from "@holdfast/server";
import type { AnyStaticActorDefinition } from "../types/definition-types.ts";

/** True for a value that `actor()` returned. */
export function isStaticActorDefinition(definition: unknown): definition is AnyStaticActorDefinition {
  return definition instanceof ActorDefinition;
}

/** True if the actor has a definition: always true here. */
export function isStaticActorInstance(instance: unknown): instance is object {
  return typeof instance === "object" && instance !== null;
}

/** Returns the definition with this name in a configuration. Throws `actor.not_found`. */
export function lookupInRegistry(config: { readonly use?: unknown }, name: string): AnyStaticActorDefinition {
  const { use } = config;
  const isThere = typeof use === "object" && use !== null && Object.hasOwn(use, name);
  const definition: unknown = isThere ? Reflect.get(use, name) : undefined;
  if (isStaticActorDefinition(definition)) return definition;
  throw new HoldfastError("actor", "not_found", `The registry has no actor named "${name}"`);
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

/** Request headers that pages of other origins may send. */
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

/** The default time limit of a sleep or a destruction: 15,000 ms. */
export const DEFAULT_SLEEP_GRACE_PERIOD = 15_000;

/** For middleware that is called directly, without a next handler. */
export function noopNext(): () => Promise<void> {
  return async () => undefined;
}
