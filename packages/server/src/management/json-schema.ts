import { isStandardSchema } from "@holdfast/core";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Any value that the codec carries. */
export const anything: JsonSchema = {};

/**
 * The JSON Schema of a Standard Schema, for libraries that give one (the `jsonSchema` member of Standard
 * JSON Schema: Zod 4, ArkType, Valibot); of any value for others, and for what JSON Schema cannot say.
 */
export function jsonSchemaOf(schema: unknown, direction: "input" | "output"): JsonSchema {
  if (!isStandardSchema(schema)) return anything;
  const standard: object = schema["~standard"];
  if (
    !("jsonSchema" in standard) ||
    typeof standard.jsonSchema !== "object" ||
    standard.jsonSchema === null
  ) {
    return anything;
  }
  const convert: unknown = Reflect.get(standard.jsonSchema, direction);
  if (typeof convert !== "function") return anything;
  try {
    const made: unknown = convert.call(standard.jsonSchema, { target: "draft-2020-12" });
    if (typeof made !== "object" || made === null) return anything;
    const { $schema: _dialect, ...rest } = made as Record<string, unknown>;
    return rest;
  } catch {
    // Transformations, dates and the like have no JSON Schema.
    return anything;
  }
}
