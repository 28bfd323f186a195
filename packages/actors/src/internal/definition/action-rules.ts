import {
  HoldfastError,
  isHoldfastError,
  isStandardSchema,
  type StandardSchema,
  validate,
} from "@holdfast/core";
import type { ActionTool } from "../../action.ts";
import { isThenable } from "../lifecycle/hooks.ts";
import { isScheduledRun } from "../schedule/fire.ts";
import { type AnyFunction, invalidDefinition, isFunction, isRecord } from "./definition-checks.ts";

/** Checks before and after the code of an action. */
export interface ActionRule {
  /** Schema of the argument list. */
  readonly args?: StandardSchema;
  /** Schema of the first argument. */
  readonly input?: StandardSchema;
  readonly output?: StandardSchema;
  /** Codes of the `UserError`s that the action may throw, with the schemas of their metadata. */
  readonly errors?: Readonly<Record<string, StandardSchema | true>>;
  readonly canInvoke?: AnyFunction;
  readonly durability?: "gated" | "relaxed";
  readonly mcp?: ActionTool;
}

const knownKeys = new Set(["input", "output", "errors", "handler", "canInvoke", "durability", "mcp"]);

/** Collects the actions of a tree. Throws `actor.invalid_definition`. */
export function collectActions(
  tree: unknown,
  prefix: string,
  into: Map<string, AnyFunction>,
  rules: Map<string, ActionRule>,
): void {
  if (!isRecord(tree)) {
    const path = `actions${prefix && `.${prefix}`}`;
    throw invalidDefinition(`"${path}" is neither a function nor a group of actions`);
  }
  for (const [name, item] of Object.entries(tree)) {
    if (name === "") throw invalidDefinition("an action has an empty name");
    const path = prefix === "" ? name : `${prefix}.${name}`;
    if (into.has(path)) throw invalidDefinition(`two actions are named "${path}"`);
    if (!isFunction(item)) {
      collectActions(item, path, into, rules);
      continue;
    }
    const described: unknown = Reflect.get(item, "~action");
    into.set(path, item);
    if (isRecord(described)) rules.set(path, actionRule(path, described));
  }
}

/** Reads the options of `action()`. */
function actionRule(path: string, item: Readonly<Record<string, unknown>>): ActionRule {
  for (const key of Object.keys(item)) {
    if (!knownKeys.has(key)) throw invalidDefinition(`"${key}" of "${path}" is not a key of action()`);
  }
  const { input, output, errors, canInvoke, durability, mcp, handler } = item;
  if (!isFunction(handler)) throw invalidDefinition(`the action "${path}" has no handler`);
  if (canInvoke !== undefined && !isFunction(canInvoke)) {
    throw invalidDefinition(`"canInvoke" of the action "${path}" is not a function`);
  }
  if (durability !== undefined && durability !== "gated" && durability !== "relaxed") {
    throw invalidDefinition(`"durability" of the action "${path}" is neither "gated" nor "relaxed"`);
  }
  return {
    ...schemaOf(path, "input", input),
    ...schemaOf(path, "output", output),
    ...errorsOf(path, errors),
    ...(canInvoke === undefined ? {} : { canInvoke }),
    ...(durability === undefined ? {} : { durability }),
    ...(mcp === undefined ? {} : { mcp: toolOf(path, mcp, input) }),
  };
}

const toolKinds: Readonly<Record<string, string>> = {
  ...{ title: "string", description: "string" },
  ...{ readOnly: "boolean", destructive: "boolean", idempotent: "boolean", resource: "boolean" },
};

/** Reads `mcp` of an action. */
function toolOf(path: string, mcp: unknown, actionInput: unknown): ActionTool {
  if (mcp === true) return {};
  if (!isRecord(mcp)) throw invalidDefinition(`"mcp" of the action "${path}" is neither true nor an object`);
  for (const [key, value] of Object.entries(mcp)) {
    const isValid = key === "input" ? isStandardSchema(value) : typeof value === toolKinds[key];
    if (value !== undefined && !isValid)
      throw invalidDefinition(`"mcp.${key}" of the action "${path}" is unknown or has a wrong type`);
  }
  if (mcp.input !== undefined && actionInput !== undefined)
    throw invalidDefinition(
      `"mcp.input" of the action "${path}" is given, but the action declares its input`,
    );
  if (mcp.resource === true && (mcp.input ?? actionInput) !== undefined)
    throw invalidDefinition(`the action "${path}" is a resource of MCP, but takes an input`);
  return mcp;
}

function schemaOf<Name extends "input" | "output">(
  path: string,
  name: Name,
  schema: unknown,
): { readonly [Key in Name]?: StandardSchema } {
  if (schema === undefined) return {};
  if (!isStandardSchema(schema)) {
    throw invalidDefinition(`"${name}" of the action "${path}" is not a Standard Schema`);
  }
  return { [name]: schema } as { readonly [Key in Name]?: StandardSchema };
}

function errorsOf(path: string, errors: unknown): Pick<ActionRule, "errors"> {
  if (errors === undefined) return {};
  if (!isRecord(errors)) throw invalidDefinition(`"errors" of the action "${path}" is not an object`);
  const schemas: Record<string, StandardSchema | true> = {};
  for (const [code, schema] of Object.entries(errors)) {
    if (schema !== true && !isStandardSchema(schema)) {
      const what = `the error "${code}" of the action "${path}"`;
      throw invalidDefinition(`${what} is neither true nor a Standard Schema`);
    }
    schemas[code] = schema;
  }
  return { errors: schemas };
}

/**
 * Wraps an action with its checks: access, arguments, the code, errors, result. Returns a promise only if a check or
 * the code does. Throws `auth.forbidden`, `actor.validation_error`.
 */
export function withChecks(name: string, action: AnyFunction, rule: ActionRule): AnyFunction {
  const { canInvoke, errors } = rule;
  const run = (c: unknown, args: readonly unknown[]): unknown => {
    // A schedule appends its fire info, which the schemas do not describe.
    const callerArgs = isScheduledRun(args) ? args.slice(0, -1) : args;
    const added = args.slice(callerArgs.length);
    return chain(validateArgs(name, rule, callerArgs), (valid) =>
      chain(action(c, ...valid, ...added), (output) => validateOutput(name, rule, output)),
    );
  };
  const authorized = (c: unknown, args: readonly unknown[]): unknown =>
    canInvoke === undefined || isScheduledRun(args)
      ? run(c, args)
      : chain(canInvoke(c), (answer) => {
          if (typeof answer !== "boolean") throw new TypeError("canInvoke must return a boolean");
          if (!answer) throw new HoldfastError("auth", "forbidden", `You may not call "${name}"`);
          return run(c, args);
        });
  if (errors === undefined) return (c, ...args) => authorized(c, args);
  return async (c, ...args) => {
    try {
      return await authorized(c, args);
    } catch (error) {
      throw await declaredError(name, errors, error);
    }
  };
}

function chain<T>(value: T, next: (value: Awaited<T>) => unknown): unknown {
  return isThenable(value) ? value.then((settled) => next(settled as Awaited<T>)) : next(value as Awaited<T>);
}

function validateArgs(
  name: string,
  rule: ActionRule,
  args: readonly unknown[],
): readonly unknown[] | PromiseLike<readonly unknown[]> {
  const refusal = { group: "actor", code: "validation_error", what: `The input of "${name}"` };
  if (rule.args !== undefined) {
    const valid = validate(rule.args, args, refusal);
    return chain(valid, (list) => (Array.isArray(list) ? list : [list])) as readonly unknown[];
  }
  if (rule.input === undefined) return args;
  const [input, ...rest] = args;
  return chain(validate(rule.input, input, refusal), (valid) => [valid, ...rest]) as readonly unknown[];
}

function validateOutput(name: string, rule: ActionRule, output: unknown): unknown {
  if (rule.output === undefined) return output;
  const what = `The result of "${name}"`;
  try {
    const valid = validate(rule.output, output, { group: "actor", code: "invalid_output", what });
    return isThenable(valid) ? Promise.resolve(valid).catch(internalFault) : valid;
  } catch (error) {
    return internalFault(error);
  }
}

/** Converts a violation by the actor itself into an internal error: the caller cannot fix it. */
function internalFault(error: unknown): never {
  throw new Error("an action violated its own declaration", { cause: error });
}

/** A thrown `UserError` has to be declared by the action. */
async function declaredError(
  name: string,
  errors: Readonly<Record<string, StandardSchema | true>>,
  error: unknown,
): Promise<unknown> {
  if (!isHoldfastError(error) || error.group !== "user") return error;
  const schema = Object.hasOwn(errors, error.code) ? errors[error.code] : undefined;
  if (schema === true) return error;
  try {
    if (schema === undefined) throw new TypeError(`"${name}" declares no error "${error.code}"`);
    const what = `The metadata of the error "${error.code}" of "${name}"`;
    await validate(schema, error.metadata, { group: "actor", code: "invalid_error", what });
    return error;
  } catch (cause) {
    return new Error("an action violated its own declaration", { cause });
  }
}
