import type { AgentRow } from "../row.ts";
import { capabilities, modelOption } from "./shared.ts";

const copilotOptions: AgentRow["configOptions"] = [modelOption([["gpt-5.2", "GPT-5.2"]])];

/** GitHub Copilot CLI, which speaks ACP itself. */
export const copilot: AgentRow = {
  id: "copilot",
  name: "GitHub Copilot",
  command: "copilot",
  args: ["--acp"],
  packages: { "@github/copilot": "1.0.102" },
  integrity: {
    "@github/copilot":
      "sha512-mv6cTWMhMILxg5ZDgqJ6UsnpPuySCPWOPbZVaO8lL0dpmjY3VD9ZhJr6DFcG7fhUXZv6OmvLdcRCa5MJ6hBI+Q==",
  },
  versionArgs: ["--version"],
  wire: "openai-chat",
  credentials: ["github"],
  configOptions: copilotOptions,
  skillsDirectory: ".github/skills",
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
    notes: ["It unpacks 235 MB into each HOME.", "It supports MCP servers over HTTP only."],
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
