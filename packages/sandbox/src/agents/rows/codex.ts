import { join } from "node:path";
import type { AgentRow, AgentStart } from "../row.ts";
import { capabilities } from "./shared.ts";

const defaultModel = "gpt-5.3-codex";

/** Codex through its ACP adapter, which brings the codex binary with it. */
export const codex: AgentRow = {
  id: "codex",
  name: "Codex",
  command: "codex-acp",
  args: [],
  packages: { "@agentclientprotocol/codex-acp": "2.6.0" },
  versionArgs: ["--version"],
  wire: "openai-responses",
  capabilities: capabilities({
    commandExecution: true,
    fileAttachments: true,
    fileChanges: true,
    images: true,
    mcpTools: true,
    permissions: true,
    planMode: true,
    reasoning: true,
    status: true,
  }),
  quirks: {
    loadsSessions: true,
    asksPermission: true,
    deniedStopReason: "cancelled",
    mcpServers: true,
    notes: [
      "A cancelled turn leaves the running tool process alive: end its group or its jail.",
      "It nests a jail of its own around commands unless it has full access.",
    ],
  },
  setup(start) {
    const codexHome = join(start.home, ".codex");
    const env: Record<string, string> = { CODEX_HOME: codexHome, INITIAL_AGENT_MODE: "read-only" };
    if (start.model) env.HOLDFAST_MODEL_KEY = start.model.apiKey;
    return { env, files: [{ path: join(codexHome, "config.toml"), content: configToml(start) }] };
  },
};

function configToml(start: AgentStart): string {
  const lines = [
    'web_search = "disabled"',
    "check_for_update_on_startup = false",
    "",
    "[analytics]",
    "enabled = false",
    "",
    "[feedback]",
    "enabled = false",
    "",
    "[features]",
    "plugins = false",
    "apps = false",
  ];
  if (start.model) {
    lines.unshift(`model = ${toml(start.model.model ?? defaultModel)}`, 'model_provider = "holdfast"');
    lines.push(
      "",
      "[model_providers.holdfast]",
      'name = "holdfast"',
      `base_url = ${toml(start.model.baseUrl)}`,
      'wire_api = "responses"',
      'env_key = "HOLDFAST_MODEL_KEY"',
      "supports_websockets = false",
      "requires_openai_auth = false",
    );
  }
  return `${lines.join("\n")}\n`;
}

/** A TOML basic string has the escapes of a JSON string. */
function toml(text: string): string {
  return JSON.stringify(text);
}
