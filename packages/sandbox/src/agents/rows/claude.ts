import { join } from "node:path";
import type { AgentRow } from "../row.ts";
import { capabilities, modelOption, modeOption } from "./shared.ts";

const claudeOptions: AgentRow["configOptions"] = [
  modelOption([
    ["default", "Default"],
    ["sonnet", "Sonnet"],
    ["opus", "Opus"],
    ["haiku", "Haiku"],
  ]),
  modeOption([
    ["default", "Default"],
    ["acceptEdits", "Accept Edits"],
    ["plan", "Plan"],
    ["dontAsk", "Don't Ask"],
    ["bypassPermissions", "Bypass Permissions"],
  ]),
];

/** Claude Code through its ACP adapter, which includes the claude binary. */
export const claude: AgentRow = {
  id: "claude",
  name: "Claude Code",
  command: "claude-agent-acp",
  args: [],
  packages: { "@agentclientprotocol/claude-agent-acp": "0.100.0" },
  integrity: {
    "@agentclientprotocol/claude-agent-acp":
      "sha512-X+f2M5RiehzSzWRJjDSf0Sbzoc8JK66l85YnYW5TAdHJX53CLQV00v2M72bfCKJ4IZ11qt+WQ/Yg9NVKcuDAhQ==",
  },
  versionArgs: ["--version"],
  wire: "anthropic",
  credentials: ["anthropic"],
  configOptions: claudeOptions,
  skillsDirectory: ".claude/skills",
  capabilities: capabilities({
    errorEvents: false,
    itemStarted: false,
    mcpTools: true,
    permissions: true,
    questions: true,
    sessionLifecycle: false,
  }),
  quirks: {
    loadsSessions: true,
    asksPermission: true,
    mcpServers: true,
    notes: [
      "It starts a child process for each session.",
      "It refuses to bypass permissions as root unless IS_SANDBOX=1.",
    ],
  },
  setup(start) {
    const env: Record<string, string> = {
      CLAUDE_CONFIG_DIR: join(start.home, ".claude"),
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_TELEMETRY: "1",
      DISABLE_AUTOUPDATER: "1",
      ENABLE_TOOL_SEARCH: "false",
      // It also retries an invalid key, ten times by default: three minutes without any output.
      CLAUDE_CODE_MAX_RETRIES: "4",
    };
    if (start.jailed) env.IS_SANDBOX = "1";
    if (start.model) {
      env.ANTHROPIC_BASE_URL = start.model.baseUrl;
      env.ANTHROPIC_API_KEY = start.model.apiKey;
      if (start.model.model) env.ANTHROPIC_MODEL = start.model.model;
    }
    return { env, files: [] };
  },
};
