/** Tools: functions of the host that programs in a machine call as commands. Only their inputs and results cross. */
import { randomUUID } from "node:crypto";
import { isStandardSchema, type SchemaInput, type SchemaOutput, type StandardSchema } from "@holdfast/core";
import { invalidConfig } from "../errors.ts";
import { agentOsLimits } from "../limits.ts";
import { type Flags, flagsOf } from "./flags.ts";

/** One call of a tool. */
export interface ToolCall {
  /** Aborts when nobody waits for the result any more: at the timeout, or when the command or the machine ends. */
  readonly signal: AbortSignal;
}

/** A call that the help of a tool shows. */
export interface ToolExample<Input = unknown> {
  readonly description: string;
  readonly input: Input;
}

/** A function of the host. Inputs that do not fit its schema never reach it. */
export interface HostTool<Input = unknown, Output = unknown> {
  /** Tells agents when to use it: at most 200 characters. */
  readonly description: string;
  /** Any Standard Schema. Flags need one that gives its JSON Schema, such as Zod 4; others take their input as JSON. */
  readonly inputSchema: StandardSchema;
  /** The result is sent as JSON. A thrown `UserError` is told to the caller, other errors are logged. */
  // A method, so that tools of different inputs fit one record.
  execute(input: Input, call: ToolCall): Output | Promise<Output>;
  readonly examples?: readonly ToolExample[];
  /** Milliseconds: 30,000 by default. */
  readonly timeout?: number;
}

/** Tools under one command: `agentos-weather` for the name "weather". */
export interface ToolKit {
  /** Lower-case letters, digits and single hyphens. */
  readonly name: string;
  /** At most 200 characters. */
  readonly description: string;
  /** By the names of their subcommands. */
  readonly tools: Readonly<Record<string, HostTool>>;
}

/** A {@link ToolKit} as later releases of the peer write it. */
export interface BindingGroup {
  readonly name: string;
  readonly description: string;
  readonly bindings: Readonly<Record<string, HostTool>>;
}

/** Declares a tool: its input has the type of the schema. */
export function hostTool<Schema extends StandardSchema, Output>(definition: {
  readonly description: string;
  readonly inputSchema: Schema;
  readonly execute: (input: SchemaOutput<Schema>, call: ToolCall) => Output | Promise<Output>;
  readonly examples?: readonly ToolExample<SchemaInput<Schema>>[];
  readonly timeout?: number;
}): HostTool<SchemaOutput<Schema>, Output> {
  return definition;
}

/** Declares a kit, for `toolKits` of `agentOs`. */
export function toolKit(definition: ToolKit): ToolKit {
  return definition;
}

/** As {@link hostTool}. */
export const binding: typeof hostTool = hostTool;

/** As {@link toolKit}, with the tools as `bindings`. */
export function bindingGroup(definition: BindingGroup): BindingGroup {
  return definition;
}

/** A tool with the flags of its command. */
export interface NamedTool extends HostTool {
  readonly name: string;
  /** Undefined where the schema gives no JSON Schema: then the input is JSON. */
  readonly flags: Flags | undefined;
}

export interface NamedKit {
  readonly name: string;
  readonly description: string;
  readonly tools: ReadonlyMap<string, NamedTool>;
}

const kitName = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const toolName = /^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*$/;

/** The tools that a machine is given. */
export class HostTools {
  readonly kits: ReadonlyMap<string, NamedKit>;
  readonly #id = randomUUID();

  private constructor(kits: ReadonlyMap<string, NamedKit>) {
    this.kits = kits;
  }

  /** Checks kits; undefined without any. Throws `agent_os.invalid_config`. */
  static of(given: readonly (ToolKit | BindingGroup)[]): HostTools | undefined {
    const kits = new Map<string, NamedKit>();
    for (const each of given) {
      const kit = readKit(each);
      if (kits.has(kit.name)) throw invalidConfig(`There are two tool kits with the name ${kit.name}`);
      kits.set(kit.name, kit);
    }
    return kits.size === 0 ? undefined : new HostTools(kits);
  }

  /** Settings of machines are compared as JSON. */
  toJSON(): string {
    return this.#id;
  }
}

function readKit(given: ToolKit | BindingGroup): NamedKit {
  const { name, description } = given;
  if (typeof name !== "string" || !kitName.test(name))
    throw invalidConfig(
      `The name of a tool kit must be lower-case letters and digits, with single hyphens between them, and not ${JSON.stringify(name)}`,
    );
  checkDescription(`tool kit ${name}`, description);
  const tools = "bindings" in given ? given.bindings : given.tools;
  if (typeof tools !== "object" || tools === null || Object.keys(tools).length === 0)
    throw invalidConfig(`The tool kit ${name} has no tools`);
  const named = Object.entries(tools).map(([each, tool]) => [each, readTool(name, each, tool)] as const);
  return { name, description, tools: new Map(named) };
}

function readTool(kit: string, name: string, tool: HostTool): NamedTool {
  const what = `tool ${kit} ${name}`;
  if (!toolName.test(name))
    throw invalidConfig(
      `The name of the ${what} must be letters and digits, with single hyphens or underscores between them`,
    );
  checkDescription(what, tool.description);
  const { description, inputSchema, examples = [], timeout = agentOsLimits.toolTimeoutMs } = tool;
  if (!isStandardSchema(inputSchema))
    throw invalidConfig(
      `The inputSchema of the ${what} must be a Standard Schema: one of Zod, Valibot or ArkType`,
    );
  if (typeof tool.execute !== "function") throw invalidConfig(`The ${what} needs a function execute`);
  if (!(timeout > 0 && timeout <= agentOsLimits.maxToolTimeoutMs))
    throw invalidConfig(
      `The timeout of the ${what} must be a number of milliseconds up to ${agentOsLimits.maxToolTimeoutMs}`,
    );
  return {
    ...{ name, description, inputSchema, examples, timeout, flags: flagsOf(inputSchema, what) },
    execute: (input, call) => tool.execute(input, call),
  };
}

function checkDescription(what: string, text: unknown): void {
  const most = agentOsLimits.maxToolDescription;
  if (typeof text !== "string" || text === "" || text.length > most)
    throw invalidConfig(`The ${what} needs a description of 1 to ${most} characters`);
}
