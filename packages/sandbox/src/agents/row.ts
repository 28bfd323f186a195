/** API that an agent uses to call its model; "none" for an agent that needs no model. */
export type ModelWire = "anthropic" | "openai-responses" | "openai-chat" | "gemini" | "none";

/** The 18 flags that `GET /v1/agents` reports for each agent. */
export interface AgentCapabilities {
  readonly commandExecution: boolean;
  readonly errorEvents: boolean;
  readonly fileAttachments: boolean;
  readonly fileChanges: boolean;
  readonly images: boolean;
  readonly itemStarted: boolean;
  readonly mcpTools: boolean;
  readonly permissions: boolean;
  readonly planMode: boolean;
  readonly questions: boolean;
  readonly reasoning: boolean;
  readonly sessionLifecycle: boolean;
  readonly sharedProcess: boolean;
  readonly status: boolean;
  readonly streamingDeltas: boolean;
  readonly textMessages: boolean;
  readonly toolCalls: boolean;
  readonly toolResults: boolean;
}

/** Provider of the credential that an agent uses. See `credentials/detect.ts` for where it is found. */
export type CredentialProvider = "anthropic" | "openai" | "google" | "github";

/** A session option that an agent offers, as `GET /v1/agents` reports it. */
export interface AgentConfigOption {
  readonly id: string;
  readonly name: string;
  readonly category: "model" | "mode" | "thought_level";
  readonly type: "select";
  readonly currentValue: string;
  readonly options: readonly { readonly value: string; readonly name: string }[];
}

/** Model endpoint of an agent. */
export interface ModelEndpoint {
  /**
   * Base URL as the provider's own SDK expects it: without a version for "anthropic" and "gemini" (the agent appends
   * ".../v1"), and with it (".../v1") for both "openai" wires.
   */
  readonly baseUrl: string;
  /** API key that the agent sends. In a jail it is a placeholder that is worthless elsewhere. */
  readonly apiKey: string;
  /** Name of the model. Rows define a default if their agent needs one. */
  readonly model?: string;
}

/** Context in which an agent starts. */
export interface AgentStart {
  /** Absolute path of the agent's HOME. */
  readonly home: string;
  /** Absent when no model is configured for this agent's API. */
  readonly model?: ModelEndpoint;
  /** True inside a jail, where the agent must not nest one of its own. */
  readonly jailed: boolean;
}

/** A file that an agent needs before it starts. */
export interface AgentFile {
  /** Absolute path inside the agent's HOME. */
  readonly path: string;
  readonly content: string;
  /** Permission bits. Default: 0o600. */
  readonly mode?: number;
}

/** Environment, files and PATH entries that an agent needs to start. */
export interface AgentSetup {
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly AgentFile[];
  /** Directories to prepend to PATH, in order. */
  readonly path?: readonly string[];
}

/** Known behaviour of an agent that callers must handle. */
export interface AgentQuirks {
  /** Advertises `loadSession`, so that a session survives its process. */
  readonly loadsSessions: boolean;
  /** Sends `session/request_permission` before it changes something. */
  readonly asksPermission: boolean;
  /** `stopReason` of a turn after a denied permission; absent when the model continues. */
  readonly deniedStopReason?: string;
  /** Accepts MCP servers at session start. */
  readonly mcpServers: boolean;
  /**
   * Rejects an `initialize` with a string version, and a `session/new` without `mcpServers`. Clients that other agents
   * tolerate send both, so the server corrects them for this agent.
   */
  readonly strictStart?: boolean;
  /** Other facts, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * One agent as data: how to install, find and start it, and how to configure its model. The server has no code for
 * particular agents; all differences are in their rows.
 */
export interface AgentRow {
  /** Machine-readable id, kebab-case. */
  readonly id: string;
  /** Display name. */
  readonly name: string;
  /** Absolute path, or an executable name that is searched in the agents directory and then in PATH. */
  readonly command: string;
  readonly args: readonly string[];
  /** Absolute path of a JavaScript entry that runs with this Node. Takes precedence over `command`. */
  readonly entry?: string;
  /** npm packages by name with exact versions; empty when there is nothing to install. */
  readonly packages: Readonly<Record<string, string>>;
  /** Registry hash of each package ("sha512-..."), by name. An installation with another hash fails. */
  readonly integrity?: Readonly<Record<string, string>>;
  /** Package of the agent's own program, if its ACP process is a separate package. */
  readonly nativePackage?: string;
  /** Readable reason why there are no packages to install; absent if there are some, or none are needed. */
  readonly notInstallable?: string;
  /** Arguments that print a version and exit with 0; absent if the command has none. */
  readonly versionArgs?: readonly string[];
  readonly wire: ModelWire;
  /** Providers of which any one credential is enough; empty for an agent that needs none. */
  readonly credentials: readonly CredentialProvider[];
  /** Options reported until a running agent has reported its own. */
  readonly configOptions?: readonly AgentConfigOption[];
  /** Directory, relative to a project, from which the agent reads skills; absent if it reads none. */
  readonly skillsDirectory?: string;
  readonly capabilities: AgentCapabilities;
  readonly quirks: AgentQuirks;
  /** Returns the environment and files for one start. Pure: writes nothing itself. */
  readonly setup: (start: AgentStart) => AgentSetup;
}
