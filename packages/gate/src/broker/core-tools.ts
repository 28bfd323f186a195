import { corePlugin } from "./catalog.ts";
import type { WireTool } from "./messages/wire.ts";
import type { Principal, Tool, ToolCall, ToolOutcome, ToolSource } from "./tool.ts";

/** What the gate's own tools know of the session that asks. */
export interface CoreKnowledge {
  listTools(principal: Principal): readonly WireTool[];
  sessionInfo(principal: Principal): Readonly<Record<string, unknown>>;
  diagnostics(principal: Principal): readonly Diagnostic[];
}

/** How an earlier call of the same session ended. */
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
  return { name, description, argumentsSchema, plugin: corePlugin, pluginVersion: "1", riskLevel: "low" };
}

const tools: readonly Tool[] = [
  tool("echo", "Answers with the text that it is given.", {
    type: "object",
    properties: { text: { type: "string", description: "What to answer with." } },
    required: ["text"],
    additionalProperties: false,
  }),
  tool("list_tools", "Lists the tools that this session may call, with their schemas.", none),
  tool("get_session_info", "Tells the group and session of the caller, and whether it is tainted.", none),
  tool("get_diagnostics", "Lists how the last calls of this session ended, the newest last.", {
    type: "object",
    properties: {
      correlation: { type: "string", maxLength: 128, description: "Only of this call." },
      last_n: { type: "integer", minimum: 1, maximum: 100, description: "At most so many; 20 by default." },
      filter_outcome: { type: "string", enum: ["error", "routed", "rejected", "sanitized"] },
    },
    additionalProperties: false,
  }),
];

/** The tools of the gate itself. */
export class CoreTools implements ToolSource {
  readonly name = corePlugin;
  readonly #knows: CoreKnowledge;

  constructor(knows: CoreKnowledge) {
    this.#knows = knows;
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
        return { tools: this.#knows.listTools(principal) };
      case "get_session_info":
        return this.#knows.sessionInfo(principal);
      case "get_diagnostics": {
        const { correlation, filter_outcome: outcome, last_n: last } = args;
        const entries = this.#knows
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
