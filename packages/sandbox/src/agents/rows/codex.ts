import { join } from "node:path";
import type { AgentRow, AgentStart } from "../row.ts";
import { capabilities, modelOption, modeOption, thoughtOption } from "./shared.ts";

const codexOptions: AgentRow["configOptions"] = [
  modelOption([
    "gpt-5.3-codex",
    ["gpt-5.3-codex-spark", "GPT-5.3-Codex-Spark"],
    "gpt-5.2-codex",
    "gpt-5.1-codex-max",
    "gpt-5.2",
    "gpt-5.1-codex-mini",
  ]),
  modeOption([
    ["read-only", "Read Only"],
    ["auto", "Default"],
    ["full-access", "Full Access"],
  ]),
  thoughtOption(
    [
      ["low", "Low"],
      ["medium", "Medium"],
      ["high", "High"],
      ["xhigh", "Extra High"],
    ],
    "high",
  ),
];

/** Codex through its ACP adapter, which includes the codex binary. */
export const codex: AgentRow = {
  id: "codex",
  name: "Codex",
  command: "codex-acp",
  args: [],
  packages: { "@agentclientprotocol/codex-acp": "2.6.0" },
  integrity: {
    "@agentclientprotocol/codex-acp":
      "sha512-/PBsd0H6URy4bhXhAeXqwb7RqctbXfNceRihAh6nDmn5HJ873uzoHvHxF45YmeWfgOKKRrNRLZjYsket2a7EsQ==",
  },
  versionArgs: ["--version"],
  wire: "openai-responses",
  credentials: ["openai"],
  configOptions: codexOptions,
  skillsDirectory: ".agents/skills",
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
      "A cancelled turn leaves the running tool process alive: end its process group or its jail.",
      "It asks before it patches a file, but before a command only when the model marks it as needing more rights.",
      "It nests a jail of its own around commands, which a jail forbids: a stub `bwrap` runs them directly.",
    ],
  },
  setup(start) {
    const codexHome = join(start.home, ".codex");
    const env: Record<string, string> = {
      CODEX_HOME: codexHome,
      // Mode that asks before file changes.
      INITIAL_AGENT_MODE: "read-only",
      // Hides the browser login.
      NO_BROWSER: "1",
    };
    if (start.model) env.HOLDFAST_MODEL_KEY = start.model.apiKey;
    const config = { path: join(codexHome, "config.toml"), content: configToml(start) };
    if (!start.jailed) return { env, files: [config] };
    const stubs = join(start.home, ".holdfast", "stubs");
    const stub = { path: join(stubs, "bwrap"), content: nestedJailStub, mode: 0o755 };
    return { env, files: [config, stub], path: [stubs] };
  },
};

/**
 * Codex runs every command in a bubblewrap of its own, and has no setting for "already in a jail, but still ask".
 * Jails forbid nested namespaces, so each command would fail. This stub replaces bubblewrap and only runs the command;
 * the outer jail confines it.
 */
const nestedJailStub = `#!/bin/sh
while [ "$#" -gt 0 ]; do
  case "$1" in
    --help) echo "--perms --as-pid-1"; exit 0 ;;
    --) shift; exec "$@" ;;
  esac
  shift
done
`;

function configToml(start: AgentStart): string {
  const lines = [
    // Each turn sets its own mode. This is for background work of Codex, such as generating a title.
    'sandbox_mode = "read-only"',
    'approval_policy = "on-request"',
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
    "shell_snapshot = false",
    "unbounded_connection_retries = false",
    "",
    "[skills.bundled]",
    "enabled = false",
  ];
  if (start.model) {
    lines.unshift('model_provider = "holdfast"');
    // Without a name Codex picks the newest model that it has a description of.
    if (start.model.model !== undefined) lines.unshift(`model = ${tomlString(start.model.model)}`);
    lines.push(
      "",
      "[model_providers.holdfast]",
      'name = "holdfast"',
      `base_url = ${tomlString(start.model.baseUrl)}`,
      'wire_api = "responses"',
      'env_key = "HOLDFAST_MODEL_KEY"',
      "supports_websockets = false",
      "requires_openai_auth = false",
    );
  }
  return `${lines.join("\n")}\n`;
}

/** TOML basic strings use the same escapes as JSON strings. */
function tomlString(text: string): string {
  return JSON.stringify(text);
}
