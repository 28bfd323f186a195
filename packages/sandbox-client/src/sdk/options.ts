import type { Headers } from "../internal/http.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import type { ClientMcpServers } from "./acp/client-mcp.ts";
import type { SessionPersistDriver } from "./sessions/sessions.ts";

export interface SandboxAgentHealthWaitOptions {
  /** Without bound by default. */
  timeoutMs?: number;
}

export interface SandboxAgentCommonOptions {
  headers?: Headers;
  /** Storage of sessions; in memory by default. */
  persist?: SessionPersistDriver;
  /** Events replayed to an agent that no longer has its session; 50 by default. */
  replayMaxEvents?: number;
  /** Characters of them; 12,000 by default. */
  replayMaxChars?: number;
  /** MCP servers that run in this process, for sessions that name them: `{ type: "acp", name, id }`. */
  mcpServers?: ClientMcpServers;
  /** Ends the wait for the server's health. */
  signal?: AbortSignal;
  token?: string;
  /** Calls the server without waiting until it is well. */
  skipHealthCheck?: boolean;
}

export interface SandboxAgentConnectCommonOptions extends SandboxAgentCommonOptions {
  /** False is `skipHealthCheck`; a bound for the wait otherwise. */
  waitForHealth?: boolean | SandboxAgentHealthWaitOptions;
}

export type SandboxAgentConnectOptions =
  | (SandboxAgentConnectCommonOptions & { baseUrl: string; fetch?: typeof fetch })
  | (SandboxAgentConnectCommonOptions & { fetch: typeof fetch; baseUrl?: string });

export interface SandboxAgentStartOptions extends SandboxAgentCommonOptions {
  sandbox: SandboxProvider;
  /** `<provider>/<id>` of a sandbox that exists; without it a new one is made. */
  sandboxId?: string;
  fetch?: typeof fetch;
}

/** The sandbox that a client came to by its provider. */
export interface ProvidedSandbox {
  readonly provider: SandboxProvider;
  /** The provider's own id of it. */
  readonly rawId: string;
}
