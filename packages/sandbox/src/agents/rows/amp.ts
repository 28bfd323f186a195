import type { AgentRow } from "../row.ts";
import { capabilities, modelOption, modeOption } from "./shared.ts";

/** Amp through an ACP adapter that the user has installed. */
export const amp: AgentRow = {
  id: "amp",
  name: "Amp",
  command: "amp-acp",
  args: [],
  packages: {},
  notInstallable: "its ACP adapter is no longer in the npm registry; put a command amp-acp in PATH",
  wire: "none",
  credentials: ["anthropic"],
  configOptions: [
    modelOption([["amp-default", "Amp Default"]]),
    modeOption([
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
    notes: ["It only works with its vendor's servers and models, so it was not tested here."],
  },
  setup: () => ({ env: {}, files: [] }),
};
