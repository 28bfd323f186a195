import { type JsonSchema, schemaPath } from "../../src/api/description.ts";

/**
 * Schemas of draft 7 as those of OpenAPI 3.1, which has JSON Schema 2020-12: tuples, references to components, and names
 * of components without brackets.
 */
export function portableSchemas(
  definitions: Readonly<Record<string, JsonSchema>>,
): Readonly<Record<string, JsonSchema>> {
  const entries = Object.entries(definitions).map(([name, schema]) => [nameOf(name), converted(schema)]);
  return Object.fromEntries(entries) as Readonly<Record<string, JsonSchema>>;
}

const definitionsPath = "#/definitions/";

/** `Partial<Choices>` becomes `Partial_Choices`. */
function nameOf(name: string): string {
  return decodeURIComponent(name)
    .replaceAll(/[^A-Za-z0-9._-]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
}

function converted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(converted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, each]: [string, unknown]): [string, unknown][] => {
    if (key === "$ref" && typeof each === "string" && each.startsWith(definitionsPath))
      return [[key, `${schemaPath}${nameOf(each.slice(definitionsPath.length))}`]];
    if (key === "items" && Array.isArray(each)) return [["prefixItems", each.map(converted)]];
    if (key === "additionalItems") return [["items", converted(each)]];
    return [[key, converted(each)]];
  });
  return Object.fromEntries(entries);
}
