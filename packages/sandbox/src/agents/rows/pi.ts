import { dirname, join } from "node:path";
import type { AgentFile, AgentRow, ModelEndpoint } from "../row.ts";
import { capabilities, json } from "./shared.ts";

const defaultModel = "claude-sonnet-4-5";

/** Pi through its ACP adapter. */
export const pi: AgentRow = {
  id: "pi",
  name: "Pi",
  command: "pi-acp",
  args: [],
  packages: { "pi-acp": "0.0.34", "@earendil-works/pi-coding-agent": "0.87.1" },
  wire: "anthropic",
  capabilities: capabilities({ commandExecution: true, fileChanges: true, images: true }),
  quirks: {
    loadsSessions: true,
    asksPermission: false,
    mcpServers: false,
    notes: [
      "It never asks for a permission.",
      "It runs `npm view` in a new session: a failing stub answers at once.",
    ],
  },
  setup(start) {
    const agentHome = join(start.home, ".pi", "agent");
    const stubs = join(start.home, ".holdfast", "stubs");
    const files: AgentFile[] = [{ path: join(stubs, "npm"), content: "#!/bin/sh\nexit 1\n", mode: 0o755 }];
    if (start.model) {
      files.push({ path: join(agentHome, "models.json"), content: json(models(start.model)) });
      files.push({
        path: join(agentHome, "settings.json"),
        content: json({
          defaultProvider: "holdfast",
          defaultModel: start.model.model ?? defaultModel,
          quietStartup: true,
        }),
      });
    }
    // pi-acp starts `pi`, whose first line asks for `node`: the system's own may be too old for it.
    const path = [stubs, dirname(process.execPath)];
    return { env: { PI_OFFLINE: "1", PI_TELEMETRY: "0" }, files, path };
  },
};

function models(endpoint: ModelEndpoint): unknown {
  const id = endpoint.model ?? defaultModel;
  return {
    providers: {
      holdfast: {
        baseUrl: endpoint.baseUrl,
        apiKey: endpoint.apiKey,
        api: "anthropic-messages",
        models: [
          {
            id,
            name: id,
            reasoning: false,
            input: ["text"],
            cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
            contextWindow: 200_000,
            maxTokens: 32_000,
          },
        ],
      },
    },
  };
}
