import type { AnyDefinition } from "@holdfast/actors";

/** Latest versions of the stored states that these definitions can load; names whose state has no migrations are absent. */
export function stateVersionsOf(
  definitions: ReadonlyMap<string, AnyDefinition>,
): Readonly<Record<string, number>> {
  const versions = [...definitions].map(
    ([name, definition]) => [name, definition["~definition"].migrateState.length] as const,
  );
  return Object.fromEntries(versions.filter(([, version]) => version > 0));
}
