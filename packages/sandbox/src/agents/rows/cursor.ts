import type { AgentRow } from "../row.ts";
import { capabilities, modelChoice } from "./shared.ts";

/** Cursor's agent through an ACP adapter; the program that it starts has to be installed by its user. */
export const cursor: AgentRow = {
  id: "cursor",
  name: "Cursor",
  command: "cursor-agent-acp",
  args: [],
  packages: { "@blowmage/cursor-agent-acp": "0.7.1" },
  integrity: {
    "@blowmage/cursor-agent-acp":
      "sha512-pVSkjsNIYRT2ypYutoNLOw7yWF2RbbE61HzXdVfLDvwFAoc+P4kNLC1oc4jlOYoqsPcO+EAHIGw4M1LAULKA+g==",
  },
  versionArgs: ["--version"],
  wire: "none",
  credentials: [],
  configOptions: [modelChoice([["auto", "Auto"]])],
  skillsDirectory: ".cursor/skills",
  capabilities: capabilities({ images: true, permissions: true, planMode: true }),
  quirks: {
    loadsSessions: false,
    asksPermission: true,
    mcpServers: true,
    notes: ["It speaks to the servers of its maker and takes no other model: it was not tried here."],
  },
  setup: () => ({ env: {}, files: [] }),
};
