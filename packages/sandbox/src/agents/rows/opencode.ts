import { join } from "node:path";
import type { AgentRow, ModelEndpoint } from "../row.ts";
import { capabilities, json, modelOption, modeOption } from "./shared.ts";

const defaultModel = "default";

const opencodeOptions: AgentRow["configOptions"] = [
  modelOption([["default", "Default"]]),
  modeOption([
    ["build", "Build"],
    ["plan", "Plan"],
  ]),
];

/** OpenCode, which speaks ACP itself. */
export const opencode: AgentRow = {
  id: "opencode",
  name: "OpenCode",
  command: "opencode",
  args: ["acp"],
  packages: { "opencode-ai": "1.18.33" },
  integrity: {
    "opencode-ai":
      "sha512-58P1ffLRXiAY4QeoABqUjqf6DEzm1ihpovvn9Ad+oOLbLiwK/rf88wruT9IATJ7AtNjmi8iA7pC8tN4o5y799Q==",
  },
  versionArgs: ["--version"],
  wire: "openai-chat",
  credentials: ["anthropic", "openai"],
  configOptions: opencodeOptions,
  skillsDirectory: ".opencode/skills",
  capabilities: capabilities({ fileAttachments: true, images: true, mcpTools: true }),
  quirks: {
    loadsSessions: true,
    asksPermission: true,
    deniedStopReason: "end_turn",
    mcpServers: true,
    notes: ["It installs a plugin from npm in the background, so it gets an unreachable registry."],
  },
  setup(start) {
    const env = {
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
      OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
      OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
      OPENCODE_DISABLE_SHARE: "1",
      npm_config_registry: "http://127.0.0.1:9/",
    };
    const path = join(start.home, ".config", "opencode", "opencode.json");
    return { env, files: [{ path, content: json(config(start.model)) }] };
  },
};

function config(endpoint: ModelEndpoint | undefined): unknown {
  const common = {
    autoupdate: false,
    share: "disabled",
    // A commit of the workspace before and after each step, for an undo that ACP does not offer.
    snapshot: false,
    permission: { edit: "ask", bash: "ask", webfetch: "ask" },
  };
  if (!endpoint) return common;
  const model = endpoint.model ?? defaultModel;
  return {
    ...common,
    model: `holdfast/${model}`,
    small_model: `holdfast/${model}`,
    provider: {
      holdfast: {
        npm: "@ai-sdk/openai-compatible",
        name: "holdfast",
        options: { baseURL: endpoint.baseUrl, apiKey: endpoint.apiKey },
        models: { [model]: { name: model, tool_call: true } },
      },
    },
  };
}
