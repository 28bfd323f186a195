import { isStandardSchema, jsonSchema } from "@holdfast/core";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Any value that the codec carries. */
export const anyValue: JsonSchema = {};

/**
 * Schemas as libraries return them: their references (to the `$defs` of a recursive one) are relative to themselves.
 */
const given = new WeakSet<object>();

/**
 * The JSON Schema of a Standard Schema, for libraries that provide it (the `jsonSchema` member of Standard JSON
 * Schema: Zod 4, ArkType, Valibot). Accepts any value for other libraries, and for schemas that JSON Schema cannot
 * express.
 */
export function jsonSchemaOf(schema: unknown, direction: "input" | "output"): JsonSchema {
  const described = isStandardSchema(schema) ? jsonSchema(schema, direction) : undefined;
  if (described === undefined) return anyValue;
  given.add(described);
  return described;
}

/** The document with all references relative to its own root, as readers expect them: RFC 6901, section 6. */
export function settleReferences(document: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return settledObject(document, "#", undefined);
}

/** `at` is the position of the value, `root` the position of the schema that it belongs to. */
function settled(value: unknown, at: string, root: string | undefined): unknown {
  if (Array.isArray(value)) return value.map((each, index) => settled(each, `${at}/${index}`, root));
  return typeof value === "object" && value !== null ? settledObject(value, at, root) : value;
}

function settledObject(value: object, at: string, root: string | undefined): Record<string, unknown> {
  const own = given.has(value) ? at : root;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]: [string, unknown]) => {
      const isOwn = name === "$ref" && own !== undefined && typeof each === "string" && each.startsWith("#");
      return [name, isOwn ? `${own}${each.slice(1)}` : settled(each, `${at}/${token(name)}`, own)];
    }),
  );
}

/** One step of a JSON pointer in the fragment of a URI. */
function token(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}
