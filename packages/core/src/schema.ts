import type { StandardSchemaV1 } from "@standard-schema/spec";
import { HoldfastError } from "./errors.ts";

/** Validator of any library that implements Standard Schema (https://standardschema.dev). */
export type StandardSchema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** Output type of a schema. */
export type SchemaOutput<Schema extends StandardSchema> = StandardSchemaV1.InferOutput<Schema>;

/** Type of what a schema takes, before it converts it. */
export type SchemaInput<Schema extends StandardSchema> = StandardSchemaV1.InferInput<Schema>;

/** One validation failure, as the caller sees it. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (string | number)[];
}

/** True for a Standard Schema validator, be it an object or a function. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = Reflect.get(value, "~standard");
  return typeof standard === "object" && standard !== null && "validate" in standard;
}

/**
 * The JSON Schema of what a schema takes or gives, where its library gives one (Zod 4, ArkType, Valibot). Undefined for
 * other schemas, and for those that JSON Schema cannot express.
 */
export function jsonSchema(
  schema: StandardSchema,
  direction: "input" | "output",
): Readonly<Record<string, unknown>> | undefined {
  const converter = field(schema["~standard"], "jsonSchema");
  const convert = field(converter, direction);
  if (typeof convert !== "function") return undefined;
  try {
    const made: unknown = convert.call(converter, { target: "draft-2020-12" });
    if (typeof made !== "object" || made === null) return undefined;
    const { $schema: _dialect, ...described } = made as Record<string, unknown>;
    return described;
  } catch {
    // Transformations, dates and the like have no JSON Schema.
    return undefined;
  }
}

/** The {@link jsonSchema} of the input of a schema for an object; undefined for other schemas. */
export function inputJsonSchema(
  schema: StandardSchema,
): Readonly<Record<string, unknown> & { type: "object" }> | undefined {
  const described = jsonSchema(schema, "input");
  return described?.type === "object" ? { ...described, type: "object" } : undefined;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/**
 * Validates `value` and returns the schema's output; returns a promise only for an asynchronous schema. Throws
 * `group.code` with `metadata.issues` when the value is invalid.
 */
export function validate(
  schema: StandardSchema,
  value: unknown,
  refusal: { readonly group: string; readonly code: string; readonly what: string },
): unknown | Promise<unknown> {
  const result = schema["~standard"].validate(value);
  return isThenable(result)
    ? Promise.resolve(result).then((settled) => unwrapResult(settled, refusal))
    : unwrapResult(result, refusal);
}

/** Detects promises of other libraries and realms. A promise that was read as a result would accept everything. */
function isThenable<T extends object>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return "then" in value && typeof value.then === "function";
}

function unwrapResult(
  result: StandardSchemaV1.Result<unknown>,
  { group, code, what }: { readonly group: string; readonly code: string; readonly what: string },
): unknown {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(toIssue);
  const message = `${what} is invalid: ${issues.map((issue) => issue.message).join("; ")}`;
  throw new HoldfastError(group, code, message, { metadata: { issues }, statusCode: 400 });
}

function toIssue(issue: StandardSchemaV1.Issue): SchemaIssue {
  if (issue.path === undefined) return { message: issue.message };
  const path = issue.path.map((part) => {
    const key = typeof part === "object" ? part.key : part;
    return typeof key === "symbol" ? String(key) : key;
  });
  return { message: issue.message, path };
}
