import { type ActorRules, actorRules } from "../access/actor-rules.ts";
import { isAtLeast, type Role, roles } from "../access/roles.ts";
import type { Rule } from "../access/rule.ts";
import {
  type ActionDescription,
  type ApiDescription,
  type JsonSchema,
  schemaPath,
} from "../api/description.ts";
import type { TokenScope } from "../contract/people.ts";
import { type ToolEntry, toolTable } from "./tool-table.ts";

/** What names the actor of an action among the arguments of its tool. */
export type Address = "organization" | "person" | "task" | "session" | "repository" | "environment" | "group";

export interface StudioTool extends ToolEntry {
  readonly actor: string;
  readonly action: string;
  readonly address: Address;
  readonly inputSchema: {
    readonly type: "object";
    readonly properties: Readonly<Record<string, JsonSchema>>;
    readonly required?: string[];
    readonly additionalProperties: false;
  };
  /** The arguments of the action, from those of the tool. */
  argumentsOf(given: Readonly<Record<string, unknown>>): readonly unknown[];
}

const addressOfActor: Readonly<Record<string, Address>> = {
  ...({ organization: "organization", attention: "organization", schedules: "organization" } as const),
  ...({ usage: "organization", administration: "organization", inbox: "person" } as const),
  ...({ task: "task", session: "session", repository: "repository" } as const),
  ...({ environment: "environment", group: "group" } as const),
};

const addressSchemas = {
  organization: { type: "string", description: "Id of the organization (default: your first one)" },
  person: { type: "string", description: "Id of the organization (default: your first one)" },
  task: { type: "string", description: "Id of the task, as list_tasks has it" },
  session: { type: "string", description: "Id of the session, as get_task has it" },
  repository: { type: "string", description: "Id of the repository, as list_repositories has it" },
  environment: { type: "string", description: "Id of the environment, as get_environment has it" },
  group: { type: "string", description: "Name of the group" },
} as const satisfies Readonly<Record<Address, JsonSchema>>;

/** The tools of a scope: what its role may do, and answers to questions with "all" alone. */
export function toolsOf(api: ApiDescription, scope: TokenScope): readonly StudioTool[] {
  return Object.entries(toolTable).flatMap(([name, entry]) => {
    const [actor = "", action = ""] = name.split(".");
    const description = api.actions[name];
    if (description === undefined || !isOffered(actor, action, entry, scope)) return [];
    return [toolOf(api, { actor, action, entry, description })];
  });
}

const roleOfScope = { read: "viewer", write: "member", all: "owner" } as const satisfies Record<
  TokenScope,
  Role
>;

function isOffered(actor: string, action: string, { effect }: ToolEntry, scope: TokenScope): boolean {
  if (effect === "answers") return scope === "all";
  const rules: ActorRules | undefined = actorRules[actor as keyof typeof actorRules];
  const rule: Rule | undefined = rules === "internal" ? undefined : rules?.actions[action];
  const least = roles.find((role) => role === rule);
  return least !== undefined && isAtLeast(roleOfScope[scope], least);
}

interface Source {
  readonly actor: string;
  readonly action: string;
  readonly entry: ToolEntry;
  readonly description: ActionDescription;
}

function toolOf(api: ApiDescription, { actor, action, entry, description }: Source): StudioTool {
  const address = addressOfActor[actor];
  if (address === undefined)
    throw new Error(`The actor ${actor} has no address among the arguments of tools`);
  const name = address === "person" ? "organization" : address;
  const { parameters, args } = description;
  const flat = flattened(api, description, name);
  const own =
    flat?.properties ??
    Object.fromEntries(parameters.map((each, at) => [each.name, args[at] ?? {}] as const));
  const needed = flat?.required ?? parameters.filter((each) => !each.isOptional).map((each) => each.name);
  const required = [...(name === "organization" ? [] : [name]), ...needed];
  return {
    ...entry,
    ...{ actor, action, address },
    description: textOf(entry, description),
    inputSchema: {
      type: "object",
      properties: selfContained(api, { [name]: addressSchemas[address], ...own }),
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: false,
    },
    argumentsOf(given) {
      if (flat === undefined) return withoutTail(parameters.map((each) => given[each.name]));
      const rest = Object.fromEntries(Object.entries(given).filter(([key]) => key !== name));
      return Object.keys(rest).length === 0 && parameters[0]?.isOptional === true ? [] : [rest];
    },
  };
}

/** The properties of the only parameter, if that is an object of which none has the name of the address. */
function flattened(api: ApiDescription, { args }: ActionDescription, address: string) {
  const [only, ...more] = args;
  if (only === undefined || more.length > 0) return undefined;
  const schema = resolved(api, only);
  const properties = schema["properties"] as Readonly<Record<string, JsonSchema>> | undefined;
  if (schema["type"] !== "object" || properties === undefined || Object.hasOwn(properties, address))
    return undefined;
  return { properties, required: (schema["required"] ?? []) as readonly string[] };
}

function resolved(api: ApiDescription, schema: JsonSchema): JsonSchema {
  const reference = schema["$ref"];
  if (typeof reference !== "string") return schema;
  return resolved(api, api.schemas[reference.slice(schemaPath.length)] ?? {});
}

/** Schemas of arguments with what they refer to in its place: arguments are not recursive. */
function selfContained<Value>(api: ApiDescription, value: Value): Value {
  if (Array.isArray(value)) return value.map((each) => selfContained(api, each)) as Value;
  if (typeof value !== "object" || value === null) return value;
  if ("$ref" in value) {
    const { $ref: _reference, ...beside } = value;
    return selfContained(api, { ...resolved(api, value as JsonSchema), ...beside }) as Value;
  }
  const entries = Object.entries(value).map(([key, each]) => [key, selfContained(api, each)] as const);
  return Object.fromEntries(entries) as Value;
}

function withoutTail(values: readonly unknown[]): readonly unknown[] {
  const last = values.findLastIndex((each) => each !== undefined);
  return values.slice(0, last + 1);
}

function textOf({ description }: ToolEntry, { description: more }: ActionDescription): string {
  return more === "" ? description : `${description}. ${more}`;
}
