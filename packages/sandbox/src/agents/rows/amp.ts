import type { AgentRow } from "../row.ts";
import { capabilities, modeChoice, modelChoice } from "./shared.ts";

/** Amp through an ACP adapter that its user has installed. */
export const amp: AgentRow = {
  id: "amp",
  name: "Amp",
  command: "amp-acp",
  args: [],
  packages: {},
  notInstallable: "its ACP adapter is not in the npm registry any more; put a command amp-acp in PATH",
  wire: "none",
  credentials: ["anthropic"],
  configOptions: [
    modelChoice([["amp-default", "Amp Default"]]),
    modeChoice([
      ["default", "Default"],
      ["bypass", "Bypass"],
    ]),
  ],
  skillsDirectory: ".agents/skills",
  capabilities: capabilities({
    itemStarted: false,
    mcpTools: true,
    sessionLifecycle: false,
    streamingDeltas: false,
  }),
  quirks: {
    loadsSessions: false,
    asksPermission: false,
    mcpServers: true,
    notes: ["It speaks to the servers of its maker and takes no other model: it was not tried here."],
  },
  setup: () => ({ env: {}, files: [] }),
};
