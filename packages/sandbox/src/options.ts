import type { Logger } from "@holdfast/core";
import type { AgentRow, ModelEndpoint, ModelWire } from "./agents/row.ts";
import type { CorsOptions } from "./http/cors.ts";
import type { SandboxLimits } from "./limits.ts";
import type { OpenCodeOptions } from "./opencode/options.ts";
import type { PermissionPolicy } from "./sessions/turns/policy.ts";

/** Where a server is reached. */
export type Listen =
  /** A Unix socket, made with mode 0600. */
  | { readonly unix: string }
  /** A TCP port; port 0 takes a free one. Hosts other than loopback need `allowRemote`. */
  | { readonly host: string; readonly port: number; readonly allowRemote?: boolean }
  /**
   * Connects out to a Unix socket that a host listens on, and serves HTTP over those connections. The host
   * is waited for until `signal` aborts: then the start rejects with its reason.
   */
  | { readonly dial: string; readonly signal?: AbortSignal };

/** Options of `createSandboxServer`. */
export interface SandboxServerOptions {
  readonly listen: Listen;
  /**
   * Bearer token that every request to `/v1/*` must carry. On TCP a random one is created if it does not exist ({@link
   * SandboxServer.token}); on a Unix socket its file permissions are enough.
   */
  readonly token?: string;
  /** Serves TCP without a token. Everything that reaches the port can then run commands. */
  readonly unsafeNoToken?: boolean;
  /** Confines the file routes and working directories to this directory; not a jail for processes. */
  readonly root?: string;
  /** HOME of agents and processes, and the base of relative paths; by default that of this process. */
  readonly home?: string;
  /** Working directory of agents; `root`, else that of this process by default. */
  readonly cwd?: string;
  /** Agents on offer; {@link sandboxAgents} by default. */
  readonly agents?: readonly AgentRow[];
  /**
   * Directory where `installAgent` puts agents: `<directory>/<id>/node_modules/.bin`;
   * `<home>/.local/share/holdfast/agents` by default.
   */
  readonly agentsDirectory?: string;
  /**
   * Installs an agent that is missing when it is first used. By default nothing is downloaded unless
   * `POST /v1/agents/{id}/install` asks for it.
   */
  readonly installAgents?: boolean;
  /** Model endpoints by the wire they speak. */
  readonly models?: Partial<Readonly<Record<ModelWire, ModelEndpoint>>>;
  /**
   * Environment of agents and processes. They get this, PATH, HOME and LANG, what the agent's row
   * adds, and nothing else of this process's environment.
   */
  readonly env?: Readonly<Record<string, string>>;
  /** True inside a jail: agents are told not to nest one of their own. */
  readonly jailed?: boolean;
  /** Host names beyond loopback that requests over TCP may name in their Host header. */
  readonly allowedHosts?: readonly string[];
  /** Origins of browser pages that may call the server over TCP; as `cors.origins`, to which they add. */
  readonly allowedOrigins?: readonly string[];
  /** Calls from pages of other origins; none are allowed by default. */
  readonly cors?: CorsOptions;
  /** Logs every request that was answered: method, route, status, duration. Failures are always logged. */
  readonly logRequests?: boolean;
  /**
   * Directory of what outlives the server: the log of its sessions. One server at a time. Without it
   * sessions are kept in memory, up to `maxMemoryLogBytes`, and end with the server.
   */
  readonly dataDirectory?: string;
  /** Decides on permissions that agents ask for before a person is asked; asks everything by default. */
  readonly permissionPolicy?: PermissionPolicy;
  /** What `/opencode/*`, the routes for OpenCode's clients, tells of its place. */
  readonly opencode?: OpenCodeOptions;
  readonly limits?: Partial<SandboxLimits>;
  readonly log?: Logger;
}

/** A server that takes requests. */
export interface SandboxServer {
  /** `http://host:port` on TCP, otherwise absent. */
  readonly url?: string;
  /** The bearer token in force, given or made; absent when there is none. */
  readonly token?: string;
  /** Ends all agents and processes with their groups, then all connections. Idempotent, at most 5 s. */
  close(): Promise<void>;
}
