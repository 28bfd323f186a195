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
import { capabilities, modeChoice, modelChoice, thoughtChoice } from "./rows/shared.ts";

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
      notes: ["Scripted: it needs no model."],
    },
    configOptions: [
      modeChoice([
        ["ask", "Ask first"],
        ["auto", "Automatic"],
      ]),
    ],
    setup: () => ({ env: {}, files: [] }),
  };
}

/** The same agent under the id that clients of the peer know, with what they expect of it. */
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
      modelChoice([
        ["mock", "Mock"],
        ["mock-fast", "Mock Fast"],
      ]),
      modeChoice([
        ["normal", "Normal"],
        ["plan", "Plan"],
      ]),
      thoughtChoice(
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
 * Agents that can be pointed at a model of one's own, in the order in which they are offered to
 * people. A server answers for more: {@link sandboxAgents}.
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
 * All agents that a sandbox server knows: those of the table, the peer's id `mock`, and agents that
 * only work with the servers of their makers. A bundle passes the path of the scripted agent's entry.
 */
export function sandboxAgents(entry: string = demoEntry()): readonly AgentRow[] {
  const demo = demoAgent(entry);
  const rows = agentTable.map((row) => (row.id === "demo" ? demo : row));
  return [...rows, amp, cursor, mockAgent(demo)];
}

/** An agent from configuration: any command that speaks ACP on its standard input and output. */
export interface CustomAgent {
  readonly id: string;
  readonly name?: string;
  /** Executable name in PATH, or an absolute path. */
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly capabilities?: Partial<AgentCapabilities>;
  /** Where the agent reads the skills of a project, relative to it. */
  readonly skillsDirectory?: string;
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
    credentials: [],
    ...(agent.skillsDirectory === undefined ? {} : { skillsDirectory: agent.skillsDirectory }),
    capabilities: capabilities(agent.capabilities ?? {}),
    // ACP has every agent take servers on standard streams.
    quirks: { loadsSessions: false, asksPermission: false, mcpServers: true, notes: [] },
    setup: () => ({ env, files: [] }),
  };
}
