import { fileURLToPath } from "node:url";
import type { AgentCapabilities, AgentRow } from "./row.ts";
import { amp } from "./rows/amp.ts";
import { claude } from "./rows/claude.ts";
import { codex } from "./rows/codex.ts";
import { copilot } from "./rows/copilot.ts";
import { cursor } from "./rows/cursor.ts";
import { gemini } from "./rows/gemini.ts";
import { opencode } from "./rows/opencode.ts";
import { pi } from "./rows/pi.ts";
import { qwen } from "./rows/qwen.ts";
import { capabilities, modelOption, modeOption, thoughtOption } from "./rows/shared.ts";

/** Path of the demo agent's entry, next to this module both in the source and in the built package. */
export function demoEntry(): string {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../demo/main.${extension}`, import.meta.url));
}

/** Row of the demo agent. A bundle passes the path of its copy of the entry. */
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
    credentials: [],
    skillsDirectory: ".agents/skills",
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
      notes: ["Scripted. It needs no model."],
    },
    configOptions: [
      modeOption([
        ["ask", "Ask first"],
        ["auto", "Automatic"],
      ]),
    ],
    setup: () => ({ env: {}, files: [] }),
  };
}

/** The demo agent under the peer's id `mock`, with the options that the peer's clients expect. */
function mockAgent(demo: AgentRow): AgentRow {
  const { versionArgs: _printed, ...row } = demo;
  return {
    ...row,
    id: "mock",
    name: "Mock",
    setup: () => ({ env: { HOLDFAST_DEMO_MOCK: "1" }, files: [] }),
    capabilities: capabilities({
      commandExecution: true,
      fileAttachments: true,
      fileChanges: true,
      images: true,
      mcpTools: true,
      permissions: true,
      planMode: true,
      questions: true,
      reasoning: true,
      status: true,
    }),
    configOptions: [
      modelOption([
        ["mock", "Mock"],
        ["mock-fast", "Mock Fast"],
      ]),
      modeOption([
        ["normal", "Normal"],
        ["plan", "Plan"],
      ]),
      thoughtOption(
        [
          ["low", "Low"],
          ["medium", "Medium"],
          ["high", "High"],
        ],
        "low",
      ),
    ],
  };
}

/**
 * Agents that work with a configured model, in display order. A server also supports those that do not: {@link
 * sandboxAgents}.
 */
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

/**
 * All agents of a sandbox server: those of the table, the peer's `mock`, and agents that only work with their vendor's
 * servers. A bundle passes the path of the demo agent's entry.
 */
export function sandboxAgents(entry: string = demoEntry()): readonly AgentRow[] {
  const demo = demoAgent(entry);
  const rows = agentTable.map((row) => (row.id === "demo" ? demo : row));
  return [...rows, amp, cursor, mockAgent(demo)];
}

/** A configured agent: any command that speaks ACP over standard input and output. */
export interface CustomAgent {
  readonly id: string;
  readonly name?: string;
  /** Executable name in PATH, or an absolute path. */
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly capabilities?: Partial<AgentCapabilities>;
  /** Directory, relative to a project, from which the agent reads skills. */
  readonly skillsDirectory?: string;
}

/** Converts a configured agent to a row. */
export function customAgent(agent: CustomAgent): AgentRow {
  const env = { ...agent.env };
  return {
    id: agent.id,
    name: agent.name ?? agent.id,
    command: agent.command,
    args: [...(agent.args ?? [])],
    packages: {},
    wire: "none",
    credentials: [],
    ...(agent.skillsDirectory === undefined ? {} : { skillsDirectory: agent.skillsDirectory }),
    capabilities: capabilities(agent.capabilities ?? {}),
    // ACP requires every agent to accept servers over standard input and output.
    quirks: { loadsSessions: false, asksPermission: false, mcpServers: true, notes: [] },
    setup: () => ({ env, files: [] }),
  };
}
