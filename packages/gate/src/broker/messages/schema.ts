import { type Context, createContext, Script } from "node:vm";
import { HoldfastError } from "@holdfast/core";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { brokerLimits } from "../broker-limits.ts";
import type { JsonSchema } from "../tool.ts";

export interface SchemaProblem {
  /** JSON pointer without its first slash ("to", "list/0"); empty for the value as a whole. */
  readonly field: string;
  readonly message: string;
}

/** Of the values that a message names. */
const maxListedCharacters = 500;

/** What is wrong with a value; undefined when nothing is. */
export type SchemaCheck = (value: unknown) => SchemaProblem | undefined;

const options = { strict: false, allErrors: false, logger: false, ownProperties: true } as const;

/** Compiling what says how schemas are made takes far longer than compiling one of them: it is done once. */
let metaSchemas: Ajv2020 | undefined;

function checkSchema(schema: JsonSchema): void {
  metaSchemas ??= withFormats(new Ajv2020(options));
  if (metaSchemas.validateSchema(schema) !== true)
    throw new Error(`schema is invalid: ${metaSchemas.errorsText()}`);
}

/** Longer than any address that is one; the expression of its format takes the square of the length. */
const maxUrlCharacters = 4_096;

function withFormats(ajv: Ajv2020): Ajv2020 {
  formats.default(ajv);
  const url = ajv.formats["url"];
  if (!(url instanceof RegExp)) throw new Error("the format url is no expression");
  ajv.addFormat("url", (text) => text.length <= maxUrlCharacters && url.test(text));
  return ajv;
}

/**
 * Compiles a schema, once. With `closed`, members that it does not name are refused even where it
 * forgets to say so. Throws `broker.invalid_tool`.
 */
export function compileSchema(
  schema: JsonSchema,
  what: string,
  { closed }: { closed: boolean },
): SchemaCheck {
  if (Buffer.byteLength(JSON.stringify(schema)) > brokerLimits.maxSchemaBytes) {
    throw invalid(what, `it is larger than ${brokerLimits.maxSchemaBytes} bytes`);
  }
  if (closed && schema["type"] !== "object") throw invalid(what, "its type is not object");
  try {
    const whole = closed ? { ...schema, additionalProperties: false } : schema;
    checkSchema(whole);
    // One compiler for one schema: ids of one plugin's schemas say nothing to another's.
    const check = withFormats(new Ajv2020({ ...options, validateSchema: false })).compile(whole);
    // Its check would answer with a promise: that is no "no", and nobody would see it fail.
    if ("$async" in check) throw new Error("it uses $async");
    const decide = (value: unknown) => (check(value) ? undefined : problemOf(check.errors?.[0]));
    return isSlow(whole) ? inTime(decide) : decide;
  } catch (error) {
    throw invalid(what, error instanceof Error ? error.message : String(error));
  }
}

/** Keywords that take more than the time of one look at a value: whoever wrote the schema chose how much more. */
const slow: ReadonlySet<string> = new Set(["pattern", "patternProperties", "format", "uniqueItems"]);

function isSlow(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  return Object.entries(schema).some(([key, each]) => slow.has(key) || isSlow(each));
}

const bounded = new Script("decide()");
const nobody = () => {};
/** Making one takes longer than most checks; nothing of a check stays in it. */
const place: { decide: () => void } = { decide: nobody };
let context: Context | undefined;

/** The same decision, broken off when it takes so long that every other jail would feel it. */
function inTime(decide: SchemaCheck): SchemaCheck {
  return (value) => {
    context ??= createContext(place);
    let problem: SchemaProblem | undefined;
    place.decide = () => {
      problem = decide(value);
    };
    try {
      bounded.runInContext(context, { timeout: brokerLimits.maxCheckMs });
      return problem;
    } catch (error) {
      // An error of the context's own, which is no instance of Error here.
      if (Reflect.get(Object(error), "code") === "ERR_SCRIPT_EXECUTION_TIMEOUT")
        return { field: "", message: "The value takes too long to check" };
      throw error;
    } finally {
      place.decide = nobody;
    }
  };
}

function invalid(what: string, why: string): HoldfastError {
  return new HoldfastError("broker", "invalid_tool", `The schema of the ${what} cannot be used: ${why}`, {
    statusCode: 400,
  });
}

function problemOf(error: ErrorObject | undefined): SchemaProblem {
  if (error === undefined) return { field: "", message: "The value is not as it must be" };
  const { instancePath, params, message = "is not as it must be" } = error;
  const named: unknown = params["additionalProperty"] ?? params["missingProperty"];
  const pointer = typeof named === "string" ? `${instancePath}/${pointerPart(named)}` : instancePath;
  const field = pointer.slice(1);
  return { field, message: `${field === "" ? "The value" : field} ${messageOf(error, message)}` };
}

function messageOf({ keyword, params }: ErrorObject, message: string): string {
  if (keyword === "required") return "is missing";
  if (keyword === "additionalProperties") return "is not known";
  if (keyword === "const") return oneOf([params["allowedValue"]]) ?? message;
  const allowed: unknown = keyword === "enum" ? params["allowedValues"] : undefined;
  return (Array.isArray(allowed) ? oneOf(allowed) : undefined) ?? message;
}

/** Whoever calls has the values of few tools before it; of very many the schema tells. */
function oneOf(values: readonly unknown[]): string | undefined {
  const text = values.map((each) => JSON.stringify(each)).join(", ");
  if (text.length > maxListedCharacters) return undefined;
  return values.length === 1 ? `must be ${text}` : `must be one of ${text}`;
}

function pointerPart(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
