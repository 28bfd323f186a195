import { join } from "node:path";
import type { AgentRow } from "../row.ts";
import { capabilities, json, modelOption, modeOption } from "./shared.ts";

const geminiOptions: AgentRow["configOptions"] = [
  modelOption(["gemini-3-pro-preview", "gemini-2.5-pro", "gemini-2.5-flash"]),
  modeOption([
    ["default", "Default"],
    ["autoEdit", "Auto Edit"],
    ["yolo", "YOLO"],
    ["plan", "Plan"],
  ]),
];

/** Gemini CLI, which speaks ACP itself. */
export const gemini: AgentRow = {
  id: "gemini",
  name: "Gemini CLI",
  command: "gemini",
  args: ["--acp"],
  packages: { "@google/gemini-cli": "0.61.0" },
  integrity: {
    "@google/gemini-cli":
      "sha512-dbQ9A0qBtFJNi6XBkHvfZ6Azpn6PNgH/P8h2MZ67RLlX8hSAVjup39CRWqdRxZv7YXIuhrFaytr8y0jKnkoxnQ==",
  },
  versionArgs: ["--version"],
  wire: "gemini",
  credentials: ["google"],
  configOptions: geminiOptions,
  skillsDirectory: ".gemini/skills",
  capabilities: capabilities({
    commandExecution: true,
    fileChanges: true,
    images: true,
    mcpTools: true,
    permissions: true,
    reasoning: true,
  }),
  quirks: {
    loadsSessions: true,
    asksPermission: true,
    mcpServers: true,
    notes: [
      "session/load within the same wall-clock minute fails and erases the session.",
      "A broken model stream ends the turn with an error.",
      "It sends no tool_call for calls that need approval.",
    ],
  },
  setup(start) {
    // In an untrusted folder it starts no MCP servers, not even those of the session.
    const env: Record<string, string> = {
      GEMINI_CLI_NO_RELAUNCH: "true",
      GEMINI_CLI_TRUST_WORKSPACE: "true",
    };
    if (start.model) {
      env.GOOGLE_GEMINI_BASE_URL = start.model.baseUrl;
      env.GEMINI_API_KEY = start.model.apiKey;
      if (start.model.model) env.GEMINI_MODEL = start.model.model;
    }
    const settings = {
      security: { auth: { selectedType: "gemini-api-key" } },
      privacy: { usageStatisticsEnabled: false },
      telemetry: { enabled: false },
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
    };
    return { env, files: [{ path: join(start.home, ".gemini", "settings.json"), content: json(settings) }] };
  },
};
