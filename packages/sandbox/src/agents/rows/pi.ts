import { dirname, join } from "node:path";
import type { AgentFile, AgentRow, ModelEndpoint } from "../row.ts";
import { capabilities, json, modelOption } from "./shared.ts";

const defaultModel = "claude-sonnet-4-5";

const piOptions: AgentRow["configOptions"] = [modelOption([["default", "Default"]])];

/** Pi through its ACP adapter. */
export const pi: AgentRow = {
  id: "pi",
  name: "Pi",
  command: "pi-acp",
  args: [],
  packages: { "pi-acp": "0.0.34", "@earendil-works/pi-coding-agent": "0.87.1" },
  integrity: {
    "pi-acp":
      "sha512-MrCp37UbpUzkTkzTIMJQf1RYrT+kr4fgGDGFoLmBN26UupuCZp0XxVIY+7XYsMo3yDnzDeZUJ0jPyM3Si6Bkkg==",
    "@earendil-works/pi-coding-agent":
      "sha512-m8ArJUtVcQMSe1lLE/Ei7vX/JV7O39sWmWBsXV2NOU70F0qCp8GubA24pT3LnwTmM6LL2xV80/h6sQg85n69ew==",
  },
  nativePackage: "@earendil-works/pi-coding-agent",
  wire: "anthropic",
  credentials: [],
  configOptions: piOptions,
  skillsDirectory: ".pi/skills",
  capabilities: capabilities({ images: true }),
  quirks: {
    loadsSessions: true,
    asksPermission: false,
    mcpServers: false,
    strictStart: true,
    notes: [
      "It never asks for permission.",
      "It runs `npm view` in each new session: a stub fails immediately instead.",
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
    // pi-acp starts `pi`, a script for `env node`. The system's Node may be too old for it.
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
