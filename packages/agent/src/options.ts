import type { ActorOptions, AuthContext, AuthOptions, RawAccess } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { McpServer, SandboxProvider } from "@holdfast/sandbox-client";
import { agentLimits } from "./limits.ts";
import type { Approval } from "./store/approvals.ts";
import type { MemoryLimits } from "./store/facts.ts";
import type { Turn } from "./store/turns.ts";
import type { AgentTools, ToolContext } from "./tool.ts";

/** Which actor an option is asked for. */
export interface AgentIdentity {
  readonly actorId: string;
  readonly name: string;
  readonly key: readonly string[];
}

/** A sandbox server that runs already. */
export interface RunningSandbox {
  readonly baseUrl?: string;
  readonly token?: string;
  readonly fetch?: typeof globalThis.fetch;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where agents run: a provider that starts sandboxes, or a server that runs already. */
export type AgentSandbox = SandboxProvider | RunningSandbox;

/** What becomes of a question of permission. */
export type PermissionDecision = "ask" | "allow" | "deny";

/** Options of `agent()`. */
export interface AgentOptions {
  /** An agent of the sandbox server's table: `demo`, `claude`, `codex`, `opencode` and so on. */
  readonly agent: string;
  /** A provider of sandboxes, or a server that runs already; a function chooses for each actor. */
  readonly sandbox: AgentSandbox | ((about: AgentIdentity) => AgentSandbox | Promise<AgentSandbox>);
  /** Told to the agent at the beginning of its session. */
  readonly instructions?: string | ((about: AgentIdentity) => string | Promise<string>);
  /** Absolute path in the sandbox; the provider's own, or the home of its server, by default. */
  readonly cwd?: string;
  readonly model?: string;
  readonly mode?: string;
  readonly thoughtLevel?: string;
  /** Functions of the program that the agent can call. */
  readonly tools?: AgentTools;
  /** Tools with which the agent remembers, recalls and forgets facts; off by default. */
  readonly memory?: boolean | Partial<MemoryLimits>;
  /** Further MCP servers, as in ACP. */
  readonly mcpServers?: readonly McpServer[];
  /** What becomes of questions of permission: clients are asked by default. */
  readonly permissions?:
    | PermissionDecision
    | ((approval: Approval) => PermissionDecision | Promise<PermissionDecision>);
  /**
   * What becomes of the sandbox when the actor sleeps. By default it is paused if its provider can do that, and kept
   * running otherwise.
   */
  readonly whenAsleep?: "pause" | "keep" | "destroy";
  /** Called when a turn has ended, before clients learn it. Runs at most once for each turn. */
  readonly onTurnEnd?: (c: ToolContext, turn: Turn, text: string) => void | Promise<void>;
  /** Makes tables for the tools. */
  readonly onMigrate?: (database: RawAccess) => void | Promise<void>;
  /** As in `actor()`. */
  readonly onAuth?: (c: AuthContext<unknown>, options: AuthOptions<unknown>) => unknown;
  /** As in `actor()`; `actionTimeout` is an hour by default, since `ask` waits for a turn. */
  readonly options?: ActorOptions;
}

const reservedTools = ["remember", "recall", "forget"];

/** Throws `agent.invalid_definition`. */
export function checkOptions(options: AgentOptions): void {
  const { agent, sandbox, tools = {}, cwd } = options;
  if (typeof agent !== "string" || agent === "") throw invalid("agent is no id of an agent");
  if (typeof sandbox !== "function" && (typeof sandbox !== "object" || sandbox === null))
    throw invalid("sandbox is neither a provider, a server nor a function");
  if (cwd !== undefined && !cwd.startsWith("/")) throw invalid(`cwd "${cwd}" is no absolute path`);
  for (const [name, each] of Object.entries(tools)) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
      throw invalid(`the tool "${name}" needs a name of 1 to 64 letters, digits, "_" and "-"`);
    if (memoryLimits(options) !== undefined && reservedTools.includes(name))
      throw invalid(`the tool "${name}" has a name of the memory's tools`);
    if (typeof each?.handler !== "function" || typeof each.description !== "string")
      throw invalid(`the tool "${name}" needs a description and a handler: declare it with tool()`);
  }
}

/** Undefined for an agent without memory. */
export function memoryLimits({ memory = false }: AgentOptions): MemoryLimits | undefined {
  if (memory === false) return undefined;
  const { maxFacts, maxFactBytes } = agentLimits;
  return { maxFacts, maxFactBytes, ...(memory === true ? {} : memory) };
}

function invalid(why: string): HoldfastError {
  return new HoldfastError("agent", "invalid_definition", `agent(): ${why}`, { statusCode: 500 });
}
