import type { StandardSchemaV1 } from "@standard-schema/spec";
import { HoldfastError } from "./errors.ts";

/** A validator of any library that speaks Standard Schema (https://standardschema.dev). */
export type StandardSchema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** What a schema makes of a value that it accepts. */
export type SchemaOutput<Schema extends StandardSchema> = StandardSchemaV1.InferOutput<Schema>;

/** One reason why a value was refused, as the caller sees it. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (string | number)[];
}

/** True for a validator that speaks Standard Schema, an object or a callable one. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = Reflect.get(value, "~standard");
  return typeof standard === "object" && standard !== null && "validate" in standard;
}

/**
 * Validates `value` and returns what the schema makes of it; a promise only where the schema is
 * asynchronous. Throws `group.code` with `metadata.issues` when it is refused.
 */
export function validate(
  schema: StandardSchema,
  value: unknown,
  refusal: { readonly group: string; readonly code: string; readonly what: string },
): unknown | Promise<unknown> {
  const result = schema["~standard"].validate(value);
  return isThenable(result)
    ? Promise.resolve(result).then((settled) => outcome(settled, refusal))
    : outcome(result, refusal);
}

/** A promise of a library's own, or of another realm, is one too: taken for a result it would accept everything. */
function isThenable<T extends object>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return "then" in value && typeof value.then === "function";
}

function outcome(
  result: StandardSchemaV1.Result<unknown>,
  { group, code, what }: { readonly group: string; readonly code: string; readonly what: string },
): unknown {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(issueOf);
  const message = `${what} is invalid: ${issues.map((issue) => issue.message).join("; ")}`;
  throw new HoldfastError(group, code, message, { metadata: { issues }, statusCode: 400 });
}

function issueOf(issue: StandardSchemaV1.Issue): SchemaIssue {
  if (issue.path === undefined) return { message: issue.message };
  const path = issue.path.map((part) => {
    const key = typeof part === "object" ? part.key : part;
    return typeof key === "symbol" ? String(key) : key;
  });
  return { message: issue.message, path };
}
