import type { AgentRow } from "../row.ts";
import { capabilities, modelOption } from "./shared.ts";

/** Cursor's agent through an ACP adapter. The user must install the program that the adapter starts. */
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
  configOptions: [modelOption([["auto", "Auto"]])],
  skillsDirectory: ".cursor/skills",
  capabilities: capabilities({ images: true, permissions: true, planMode: true }),
  quirks: {
    loadsSessions: false,
    asksPermission: true,
    mcpServers: true,
    notes: ["It only works with its vendor's servers and models, so it was not tested here."],
  },
  setup: () => ({ env: {}, files: [] }),
};
