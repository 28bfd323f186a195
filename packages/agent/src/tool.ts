import type { ActorContext, DatabaseProvider, RawAccess } from "@holdfast/actors";
import type { SchemaOutput, StandardSchema } from "@holdfast/core";

/** What a tool may use of its actor. What it changes is durable before the agent learns its result. */
export type ToolContext = Pick<
  ActorContext<unknown, unknown, unknown, unknown, unknown, DatabaseProvider<RawAccess>>,
  | "abortSignal"
  | "actorId"
  | "blob"
  | "client"
  | "db"
  | "fetch"
  | "key"
  | "kv"
  | "log"
  | "name"
  | "transaction"
>;

/** A function of the program that the agent can call. */
export interface AgentTool {
  /** Tells the agent when to use it. */
  readonly description: string;
  /** Validates the input, and tells the agent its shape where the library gives a JSON Schema (Zod 4, ArkType, Valibot). */
  readonly input?: StandardSchema;
  /** True if it changes nothing: agents ask less before they call it. */
  readonly readOnly?: boolean;
  /** The result is sent as text, or as JSON. A thrown `UserError` is told to the agent, other errors are not. */
  // A method, so that tools of different inputs fit one record.
  handler(c: ToolContext, input: unknown): unknown;
}

/** Declares a tool: its input has the type of the schema. */
export function tool<Schema extends StandardSchema = StandardSchema<Record<string, unknown>>>(definition: {
  readonly description: string;
  readonly input?: Schema;
  readonly readOnly?: boolean;
  readonly handler: (c: ToolContext, input: SchemaOutput<Schema>) => unknown;
}): AgentTool {
  const { handler, ...rest } = definition;
  // The tool server validates the input with this schema before it calls the handler.
  return { ...rest, handler: (c, input) => handler(c, input as SchemaOutput<Schema>) };
}

/** Tools by the names that the agent calls them by. */
export type AgentTools = Readonly<Record<string, AgentTool>>;
