import { isStandardSchema } from "@holdfast/core";

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
  if (!isStandardSchema(schema)) return anyValue;
  const standard: object = schema["~standard"];
  if (
    !("jsonSchema" in standard) ||
    typeof standard.jsonSchema !== "object" ||
    standard.jsonSchema === null
  ) {
    return anyValue;
  }
  const convert: unknown = Reflect.get(standard.jsonSchema, direction);
  if (typeof convert !== "function") return anyValue;
  try {
    const made: unknown = convert.call(standard.jsonSchema, { target: "draft-2020-12" });
    if (typeof made !== "object" || made === null) return anyValue;
    const { $schema: _dialect, ...rest } = made as Record<string, unknown>;
    given.add(rest);
    return rest;
  } catch {
    // Transformations, dates and the like have no JSON Schema.
    return anyValue;
  }
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
