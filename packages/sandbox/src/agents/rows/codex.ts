import { join } from "node:path";
import type { AgentRow, AgentStart } from "../row.ts";
import { capabilities, modeChoice, modelChoice, thoughtChoice } from "./shared.ts";

const codexOptions: AgentRow["configOptions"] = [
  modelChoice([
    "gpt-5.3-codex",
    ["gpt-5.3-codex-spark", "GPT-5.3-Codex-Spark"],
    "gpt-5.2-codex",
    "gpt-5.1-codex-max",
    "gpt-5.2",
    "gpt-5.1-codex-mini",
  ]),
  modeChoice([
    ["read-only", "Read Only"],
    ["auto", "Default"],
    ["full-access", "Full Access"],
  ]),
  thoughtChoice(
    [
      ["low", "Low"],
      ["medium", "Medium"],
      ["high", "High"],
      ["xhigh", "Extra High"],
    ],
    "high",
  ),
];

/** Codex through its ACP adapter, which brings the codex binary with it. */
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
      "A cancelled turn leaves the running tool process alive: end its group or its jail.",
      "It asks before it patches a file; a command asks only when the model marks it as one that needs more.",
      "It nests a jail of its own around commands, which a jail forbids: a stub `bwrap` runs them as they are.",
    ],
  },
  setup(start) {
    const codexHome = join(start.home, ".codex");
    const env: Record<string, string> = {
      CODEX_HOME: codexHome,
      // The mode that asks before it changes a file.
      INITIAL_AGENT_MODE: "read-only",
      // Hides the login that opens a browser.
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
 * Codex wraps every command in a bubblewrap of its own, and has no setting for "a jail is around me
 * already, but ask all the same". A jail forbids the nested namespaces, so that each command would
 * fail. This stands in for bubblewrap and only runs the command; what confines it is the outer jail.
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
    // Each turn names its mode itself. This is for what Codex does aside, such as finding a title.
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
    // Without a name Codex takes the newest of the models that it has a description of.
    if (start.model.model !== undefined) lines.unshift(`model = ${toml(start.model.model)}`);
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
