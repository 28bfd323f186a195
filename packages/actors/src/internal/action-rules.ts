import { isStandardSchema, type StandardSchema } from "@holdfast/core";
import { type AnyFunction, invalidDefinition, isFunction, isRecord } from "./definition-checks.ts";

/** What is checked about one action before and after its code. */
export interface ActionRule {
  /** Of the first argument. */
  readonly input?: StandardSchema;
  readonly output?: StandardSchema;
  /** The codes that it may throw with `c.fail`, and the schemas of their metadata. */
  readonly errors?: Readonly<Record<string, StandardSchema | true>>;
  readonly canInvoke?: AnyFunction;
  readonly durability?: "gated" | "relaxed";
}

const knownKeys = new Set(["input", "output", "errors", "handler", "canInvoke", "durability"]);

/** Reads a tree of actions. Throws `actor.invalid_definition`. */
export function collectActions(
  tree: unknown,
  prefix: string,
  into: Map<string, AnyFunction>,
  rules: Map<string, ActionRule>,
): void {
  if (!isRecord(tree)) {
    throw invalidDefinition(
      `"actions${prefix && `.${prefix}`}" is neither a function nor a group of actions`,
    );
  }
  for (const [name, item] of Object.entries(tree)) {
    if (name === "") throw invalidDefinition("an action has an empty name");
    const path = prefix === "" ? name : `${prefix}.${name}`;
    if (into.has(path)) throw invalidDefinition(`two actions are named "${path}"`);
    if (isFunction(item)) into.set(path, item);
    else if (isRecord(item) && isAction(item)) {
      into.set(path, item.handler);
      rules.set(path, actionRule(path, item));
    } else collectActions(item, path, into, rules);
  }
}

/** What `action()` made, and not a group that happens to have an action named "handler". */
function isAction(
  item: Readonly<Record<string, unknown>>,
): item is Readonly<Record<string, unknown>> & { readonly handler: AnyFunction } {
  return item["~action"] === true && isFunction(item.handler);
}

function actionRule(path: string, item: Readonly<Record<string, unknown>>): ActionRule {
  for (const key of Object.keys(item)) {
    if (key !== "~action" && !knownKeys.has(key))
      throw invalidDefinition(`"${key}" is not a key of action()`);
  }
  const { input, output, errors, canInvoke, durability } = item;
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
  };
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
      throw invalidDefinition(
        `the error "${code}" of the action "${path}" is neither true nor a Standard Schema`,
      );
    }
    schemas[code] = schema;
  }
  return { errors: schemas };
}
