import type { AgentRow } from "../row.ts";
import { capabilities } from "./shared.ts";

/** GitHub Copilot CLI, which speaks ACP itself. */
export const copilot: AgentRow = {
  id: "copilot",
  name: "GitHub Copilot",
  command: "copilot",
  args: ["--acp"],
  packages: { "@github/copilot": "1.0.102" },
  versionArgs: ["--version"],
  wire: "openai-chat",
  capabilities: capabilities({
    commandExecution: true,
    fileChanges: true,
    mcpTools: true,
    permissions: true,
  }),
  quirks: {
    loadsSessions: true,
    asksPermission: true,
    deniedStopReason: "end_turn",
    mcpServers: true,
    notes: ["It unpacks 235 MB into every HOME.", "MCP servers over HTTP only."],
  },
  setup(start) {
    const env: Record<string, string> = { COPILOT_OFFLINE: "true" };
    if (start.model) {
      env.COPILOT_PROVIDER_BASE_URL = start.model.baseUrl;
      env.COPILOT_PROVIDER_TYPE = "openai";
      env.COPILOT_PROVIDER_API_KEY = start.model.apiKey;
      env.COPILOT_MODEL = start.model.model ?? "gpt-5.2";
    }
    return { env, files: [] };
  },
};
