import { corePlugin } from "./catalog.ts";
import type { WireTool } from "./messages/wire.ts";
import type { Principal, Tool, ToolCall, ToolOutcome, ToolSource } from "./tool.ts";

/** Facts about the calling session, for the gate's own tools. */
export interface SessionFacts {
  listTools(principal: Principal): readonly WireTool[];
  sessionInfo(principal: Principal): Readonly<Record<string, unknown>>;
  diagnostics(principal: Principal): readonly Diagnostic[];
}

/** Outcome of an earlier call of the same session. */
export interface Diagnostic {
  readonly at: string;
  readonly correlation: string | null;
  readonly topic: string | null;
  readonly outcome: "routed" | "rejected" | "error" | "sanitized";
  readonly code?: string;
  readonly stage?: number;
}

const none = { type: "object", properties: {}, additionalProperties: false } as const;

function tool(name: string, description: string, argumentsSchema: Tool["argumentsSchema"]): Tool {
  return {
    ...{ name, description, argumentsSchema, isBuiltIn: true },
    ...{ plugin: corePlugin, pluginVersion: "1", riskLevel: "low" },
  };
}

const tools: readonly Tool[] = [
  tool("echo", "Returns the given text.", {
    type: "object",
    properties: { text: { type: "string", description: "The text to return." } },
    required: ["text"],
    additionalProperties: false,
  }),
  tool("list_tools", "Lists the tools that this session may call, with their schemas.", none),
  tool(
    "get_session_info",
    "Returns the group and session of the caller, and whether the session is tainted.",
    none,
  ),
  tool("get_diagnostics", "Lists the outcomes of the latest calls of this session, newest last.", {
    type: "object",
    properties: {
      correlation: { type: "string", maxLength: 128, description: "Return only this call." },
      last_n: {
        type: "integer",
        minimum: 1,
        maximum: 100,
        description: "Maximum number of entries; 20 by default.",
      },
      filter_outcome: { type: "string", enum: ["error", "routed", "rejected", "sanitized"] },
    },
    additionalProperties: false,
  }),
];

/** The tools of the gate itself. */
export class CoreTools implements ToolSource {
  readonly name = corePlugin;
  readonly #facts: SessionFacts;

  constructor(facts: SessionFacts) {
    this.#facts = facts;
  }

  tools(): readonly Tool[] {
    return tools;
  }

  onChange(): () => void {
    return () => {};
  }

  async invoke({ tool: { name }, arguments: args, principal }: ToolCall): Promise<ToolOutcome> {
    return { ok: true, result: this.#answer(name, args, principal) };
  }

  #answer(name: string, args: ToolCall["arguments"], principal: Principal): unknown {
    switch (name) {
      case "echo":
        return { echoed: args["text"] };
      case "list_tools":
        return { tools: this.#facts.listTools(principal) };
      case "get_session_info":
        return this.#facts.sessionInfo(principal);
      case "get_diagnostics": {
        const { correlation, filter_outcome: outcome, last_n: last } = args;
        const entries = this.#facts
          .diagnostics(principal)
          .filter((each) => correlation === undefined || each.correlation === correlation)
          .filter((each) => outcome === undefined || each.outcome === outcome);
        return { entries: entries.slice(-(typeof last === "number" ? last : 20)) };
      }
      default:
        throw new Error(`there is no core tool ${name}`);
    }
  }
}
