import type { AgentRow } from "../row.ts";
import { capabilities, modelOption, modeOption } from "./shared.ts";

const qwenOptions: AgentRow["configOptions"] = [
  modelOption(["qwen3-coder-plus"]),
  modeOption(
    [
      ["plan", "Plan"],
      ["default", "Default"],
      ["auto-edit", "Auto Edit"],
      ["yolo", "YOLO"],
    ],
    "default",
  ),
];

/** Qwen Code, which speaks ACP itself. */
export const qwen: AgentRow = {
  id: "qwen",
  name: "Qwen Code",
  command: "qwen",
  args: ["--acp"],
  packages: { "@qwen-code/qwen-code": "0.24.4" },
  integrity: {
    "@qwen-code/qwen-code":
      "sha512-pmexy/Nj+BKd3Un1ogqGQE8V4GJn5B6N9PQOrU1GH+lMR29kn6Bgf6YdbZa8hNIoTmAKT1LTPK+P8TibZRPPVg==",
  },
  versionArgs: ["--version"],
  wire: "openai-chat",
  credentials: ["openai"],
  configOptions: qwenOptions,
  skillsDirectory: ".qwen/skills",
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
    notes: ["Each process uses about 1 GB of memory.", "A prompt during a running turn fails that turn."],
  },
  setup(start) {
    if (!start.model) return { env: {}, files: [] };
    return {
      env: {
        OPENAI_BASE_URL: start.model.baseUrl,
        OPENAI_API_KEY: start.model.apiKey,
        OPENAI_MODEL: start.model.model ?? "qwen3-coder-plus",
      },
      files: [],
    };
  },
};
