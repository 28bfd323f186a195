import type { Logger } from "@holdfast/core";
import type { AgentRow, ModelEndpoint, ModelWire } from "./agents/row.ts";
import type { BrowserNetwork } from "./desktop/apps/browsers.ts";
import type { DesktopTools } from "./desktop/tools/local-tools.ts";
import type { CorsOptions } from "./http/cors.ts";
import type { SandboxLimits } from "./limits.ts";
import type { OpenCodeOptions } from "./opencode/options.ts";
import type { PermissionPolicy } from "./sessions/turns/policy.ts";

/** How clients reach a server. */
export type Listen =
  /** A Unix socket, created with mode 0600. */
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
   * Bearer token that every request to `/v1/*` must carry. On TCP a random one is created by default ({@link
   * SandboxServer.token}); on a Unix socket the file permissions protect the server.
   */
  readonly token?: string;
  /** Serves TCP without a token. Every program that can connect to the port can then run commands. */
  readonly unsafeNoToken?: boolean;
  /** Confines the file routes and working directories to this directory; not a jail for processes. */
  readonly root?: string;
  /** HOME of agents and processes, and the base of relative paths. Default: HOME of this process. */
  readonly home?: string;
  /** Working directory of agents. Default: `root`, else the working directory of this process. */
  readonly cwd?: string;
  /** Available agents. Default: {@link sandboxAgents}. */
  readonly agents?: readonly AgentRow[];
  /**
   * Directory in which `installAgent` installs agents, as `<directory>/<id>/node_modules/.bin`. Default:
   * `<home>/.local/share/holdfast/agents`.
   */
  readonly agentsDirectory?: string;
  /**
   * Installs a missing agent on first use. By default nothing is downloaded except on `POST /v1/agents/{id}/install`.
   */
  readonly installAgents?: boolean;
  /** Model endpoints by their API. */
  readonly models?: Partial<Readonly<Record<ModelWire, ModelEndpoint>>>;
  /**
   * Environment of agents and processes. They also get PATH, HOME, LANG and the variables of the agent's row, but
   * nothing else of this process's environment.
   */
  readonly env?: Readonly<Record<string, string>>;
  /** Set inside a jail: agents are configured not to start a sandbox of their own. */
  readonly jailed?: boolean;
  /** Begins with the server what its first command needs, instead of with that command. */
  readonly preparesCommands?: boolean;
  /** How browsers on the desktop reach the network: without a proxy, directly. */
  readonly desktop?: BrowserNetwork;
  /** Accepted host names in the Host header of requests over TCP, in addition to loopback. */
  readonly allowedHosts?: readonly string[];
  /** Origins of browser pages that may call the server over TCP, in addition to `cors.origins`. */
  readonly allowedOrigins?: readonly string[];
  /** Cross-origin requests. Default: none are allowed. */
  readonly cors?: CorsOptions;
  /** Logs every completed request with method, route, status and duration. Failures are always logged. */
  readonly logRequests?: boolean;
  /** Adds the headers to these records, without credentials. */
  readonly logHeaders?: boolean;
  /**
   * Directory for sessions and process records, used by one server at a time. Without it sessions are kept in memory,
   * up to `maxMemoryLogBytes`, and end with the server.
   */
  readonly dataDirectory?: string;
  /** Decides on permission requests of agents before clients are asked. Default: clients are always asked. */
  readonly permissionPolicy?: PermissionPolicy;
  /** Directories and proxy for `/opencode/*`, the routes for OpenCode's clients. */
  readonly opencode?: OpenCodeOptions;
  readonly limits?: Partial<SandboxLimits>;
  readonly log?: Logger;
}

/** A running server. */
export interface SandboxServer {
  /** `http://host:port` on TCP; absent otherwise. */
  readonly url?: string;
  /** The bearer token, configured or created; absent if none is required. */
  readonly token?: string;
  /** The tools of `holdfast sandbox mcp`, for a program that offers them to its agent by itself. */
  desktopTools(): Promise<DesktopTools>;
  /** Ends all agents and processes with their descendants, then all connections. Idempotent; takes at most 5 s. */
  close(): Promise<void>;
}
