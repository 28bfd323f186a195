/** Tools and resources of actors: their schemas, their calls, their results. */
import type { ActionTool, AnyDefinition } from "@holdfast/actors";
import { jsonSchema, type StandardSchema } from "@holdfast/core";
import { invalid } from "../options.ts";

type JsonObject = Readonly<Record<string, unknown>>;
type ObjectSchema = JsonObject & { readonly type: "object" };

/** A tool of an actor. */
export interface ActorTool {
  readonly name: string;
  readonly action: string;
  readonly about: ActionTool;
  /** What the action takes; undefined without an argument. */
  readonly input: StandardSchema | undefined;
  /** Whether the edge has to validate, since the action does not. */
  readonly validates: boolean;
  /** Whether the input is the property `input` of what a client sends, since it is no object. */
  readonly isWrapped: boolean;
  readonly inputSchema: ObjectSchema;
  readonly outputSchema: ObjectSchema | undefined;
}

/** A resource of an actor. */
export interface ActorResource {
  readonly action: string;
  readonly about: ActionTool;
}

/** What the MCP server of an actor offers. */
export interface Catalog {
  readonly tools: ReadonlyMap<string, ActorTool>;
  readonly resources: ReadonlyMap<string, ActorResource>;
}

const noInput: ObjectSchema = { type: "object", properties: {}, additionalProperties: false };
const anyInput: ObjectSchema = { type: "object" };

/** Collects the actions with `mcp`; undefined if there is none. Throws `mcp.invalid_definition`. */
export function catalogOf(actor: string, { "~definition": definition }: AnyDefinition): Catalog | undefined {
  const tools = new Map<string, ActorTool>();
  const resources = new Map<string, ActorResource>();
  for (const [action, rule] of definition.actionRules) {
    const about = rule.mcp;
    if (about === undefined) continue;
    if (about.resource === true) {
      resources.set(action, { action, about });
      continue;
    }
    const name = action.replaceAll(".", "_");
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
      throw invalid(
        `the action "${action}" of "${actor}" needs a name of 1 to 64 letters, digits, "_" and "-" to be a tool`,
      );
    if (tools.has(name)) throw invalid(`two actions of "${actor}" are the tool "${name}"`);
    tools.set(name, toolOf({ name, action, about }, rule));
  }
  return tools.size + resources.size === 0 ? undefined : { tools, resources };
}

function toolOf(
  head: Pick<ActorTool, "name" | "action" | "about">,
  rule: { readonly input?: StandardSchema; readonly output?: StandardSchema },
): ActorTool {
  const input = rule.input ?? head.about.input;
  const described = input && (jsonSchema(input, "input") ?? anyInput);
  const isWrapped = described !== undefined && described.type !== "object";
  return {
    ...head,
    input,
    validates: rule.input === undefined,
    isWrapped,
    inputSchema: isWrapped ? wrapped(described) : described === undefined ? noInput : asObject(described),
    outputSchema: outputOf(rule.output),
  };
}

function wrapped(schema: JsonObject): ObjectSchema {
  // Definitions are referred to from the root.
  const { $defs, ...input } = schema;
  return {
    ...{ type: "object", properties: { input }, required: ["input"] },
    ...($defs === undefined ? {} : { $defs }),
  };
}

/** Only objects: other results are text. */
function outputOf(output: StandardSchema | undefined): ObjectSchema | undefined {
  const described = output && jsonSchema(output, "output");
  return described?.type === "object" ? asObject(described) : undefined;
}

function asObject(schema: JsonObject): ObjectSchema {
  return { ...schema, type: "object" };
}
