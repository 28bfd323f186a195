import type { Logger } from "@holdfast/core";
import type { RuntimeDefinition } from "./runtime-definition.ts";

const warned = new WeakSet<RuntimeDefinition>();

/** Logs the warnings of a definition once: deprecated options and options without effect. */
export function warnOnce(
  definition: RuntimeDefinition,
  actor: { readonly name: string; readonly log: Logger },
): void {
  if (definition.warnings.length === 0 || warned.has(definition)) return;
  warned.add(definition);
  actor.log.warn("actor definition uses deprecated options", { warnings: definition.warnings });
}
