import { type Context, createContext, Script } from "node:vm";
import { HoldfastError } from "@holdfast/core";
import type { Ajv2020, ErrorObject, Options } from "ajv/dist/2020.js";
import { loadAjv2020 } from "../../ajv.ts";
import { brokerLimits } from "../broker-limits.ts";
import type { JsonSchema } from "../tool.ts";

export interface SchemaProblem {
  /** JSON pointer without its first slash ("to", "list/0"); empty for the whole value. */
  readonly field: string;
  readonly message: string;
}

/** Longest list of allowed values in a message. */
const maxListedCharacters = 500;

/** Returns the first problem of a value; undefined if it is valid. */
export type SchemaCheck = (value: unknown) => SchemaProblem | undefined;

const options = { strict: false, allErrors: false, logger: false, ownProperties: true } as const;

/** Compiling the meta-schema takes far longer than compiling a schema, so it happens once. */
let metaSchemas: Ajv2020 | undefined;

function checkSchema(schema: JsonSchema): void {
  metaSchemas ??= createCompiler(options);
  if (metaSchemas.validateSchema(schema) !== true)
    throw new Error(`schema is invalid: ${metaSchemas.errorsText()}`);
}

/** Longer than real addresses; the time of the format's regular expression is quadratic in the length. */
const maxUrlCharacters = 4_096;

function createCompiler(compilerOptions: Options): Ajv2020 {
  const { Ajv2020, addFormats } = loadAjv2020();
  const ajv = new Ajv2020(compilerOptions);
  addFormats(ajv);
  const url = ajv.formats["url"];
  if (!(url instanceof RegExp)) throw new Error("the format url is not a regular expression");
  ajv.addFormat("url", (text) => text.length <= maxUrlCharacters && url.test(text));
  return ajv;
}

/**
 * Compiles a schema. With `closed`, additional members are refused even if the schema does not say so. Throws
 * `broker.invalid_tool`.
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
    // One compiler per schema, so that ids in one plugin's schemas do not affect another's.
    const check = createCompiler({ ...options, validateSchema: false }).compile(whole);
    // Its validator would return a promise, which is truthy and whose rejection would be lost.
    if ("$async" in check) throw new Error("it uses $async");
    const decide = (value: unknown) => (check(value) ? undefined : problemOf(check.errors?.[0]));
    return isSlow(whole) ? withTimeLimit(decide) : decide;
  } catch (error) {
    throw invalid(what, error instanceof Error ? error.message : String(error));
  }
}

/** As {@link compileSchema}, for a schema that is known to be valid: compiles it at the first value. */
export function compileWhenUsed(...schema: Parameters<typeof compileSchema>): SchemaCheck {
  let check: SchemaCheck | undefined;
  return (value) => {
    check ??= compileSchema(...schema);
    return check(value);
  };
}

/** Keywords whose validation time is not linear; the author of the schema controls it. */
const slow: ReadonlySet<string> = new Set(["pattern", "patternProperties", "format", "uniqueItems"]);

function isSlow(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  return Object.entries(schema).some(([key, each]) => slow.has(key) || isSlow(each));
}

const callDecide = new Script("decide()");
const noDecision = () => {};
/** Creating a context takes longer than most validations. Validations leave nothing in it. */
const contextGlobal: { decide: () => void } = { decide: noDecision };
let context: Context | undefined;

/** The same validation with a time limit, since it would delay all other jails. */
function withTimeLimit(decide: SchemaCheck): SchemaCheck {
  return (value) => {
    context ??= createContext(contextGlobal);
    let problem: SchemaProblem | undefined;
    contextGlobal.decide = () => {
      problem = decide(value);
    };
    try {
      callDecide.runInContext(context, { timeout: brokerLimits.maxCheckMs });
      return problem;
    } catch (error) {
      // An error of the other context is not an instance of this one's Error.
      if (Reflect.get(Object(error), "code") === "ERR_SCRIPT_EXECUTION_TIMEOUT")
        return { field: "", message: "The value takes too long to validate" };
      throw error;
    } finally {
      contextGlobal.decide = noDecision;
    }
  };
}

function invalid(what: string, why: string): HoldfastError {
  return new HoldfastError("broker", "invalid_tool", `The schema of the ${what} is invalid: ${why}`, {
    statusCode: 400,
  });
}

function problemOf(error: ErrorObject | undefined): SchemaProblem {
  if (error === undefined) return { field: "", message: "The value does not match the schema" };
  const { instancePath, params, message = "does not match the schema" } = error;
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

/** The message lists a few allowed values; the schema has all of them. */
function oneOf(values: readonly unknown[]): string | undefined {
  const text = values.map((each) => JSON.stringify(each)).join(", ");
  if (text.length > maxListedCharacters) return undefined;
  return values.length === 1 ? `must be ${text}` : `must be one of ${text}`;
}

function pointerPart(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
