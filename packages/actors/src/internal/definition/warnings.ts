import type { Logger } from "@holdfast/core";
import type { RuntimeDefinition } from "./runtime-definition.ts";

const told = new WeakSet<RuntimeDefinition>();

/** Tells the log, once for each definition, what in it is deprecated or has no effect. */
export function warnOnce(
  definition: RuntimeDefinition,
  actor: { readonly name: string; readonly log: Logger },
): void {
  if (definition.warnings.length === 0 || told.has(definition)) return;
  told.add(definition);
  actor.log.warn("actor definition uses deprecated options", { warnings: definition.warnings });
}
