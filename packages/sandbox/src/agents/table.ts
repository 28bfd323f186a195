import { fileURLToPath } from "node:url";
import type { AgentCapabilities, AgentRow } from "./row.ts";
import { claude } from "./rows/claude.ts";
import { codex } from "./rows/codex.ts";
import { copilot } from "./rows/copilot.ts";
import { gemini } from "./rows/gemini.ts";
import { opencode } from "./rows/opencode.ts";
import { pi } from "./rows/pi.ts";
import { qwen } from "./rows/qwen.ts";
import { capabilities } from "./rows/shared.ts";

/** Path of the scripted agent's entry, beside this module in the source and in the built package. */
export function demoEntry(): string {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../demo/main.${extension}`, import.meta.url));
}

/** The row of the scripted agent; a bundle passes the path where it put the entry. */
export function demoAgent(entry: string = demoEntry()): AgentRow {
  return {
    id: "demo",
    name: "Demo",
    command: "holdfast-demo-agent",
    args: [],
    entry,
    packages: {},
    versionArgs: ["--version"],
    wire: "none",
    capabilities: capabilities({
      planMode: true,
      permissions: true,
      commandExecution: true,
      fileChanges: true,
    }),
    quirks: {
      loadsSessions: true,
      asksPermission: true,
      mcpServers: false,
      notes: ["Scripted: it needs no model."],
    },
    setup: () => ({ env: {}, files: [] }),
  };
}

/** All agents that this version knows, in the order in which they are offered. */
export const agentTable: readonly AgentRow[] = [
  demoAgent(),
  codex,
  claude,
  pi,
  gemini,
  opencode,
  copilot,
  qwen,
];

/** An agent from configuration: any command that speaks ACP on its standard input and output. */
export interface CustomAgent {
  readonly id: string;
  readonly name?: string;
  /** Executable name in PATH, or an absolute path. */
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly capabilities?: Partial<AgentCapabilities>;
}

/** The row of an agent from configuration. */
export function customAgent(agent: CustomAgent): AgentRow {
  const env = { ...agent.env };
  return {
    id: agent.id,
    name: agent.name ?? agent.id,
    command: agent.command,
    args: [...(agent.args ?? [])],
    packages: {},
    wire: "none",
    capabilities: capabilities(agent.capabilities ?? {}),
    quirks: { loadsSessions: false, asksPermission: false, mcpServers: false, notes: [] },
    setup: () => ({ env, files: [] }),
  };
}
