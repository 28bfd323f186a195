/** The language that an agent speaks to its model; "none" for an agent that needs no model. */
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

/** Whose credential an agent works with; see `credentials/detect.ts` for where one is looked for. */
export type CredentialProvider = "anthropic" | "openai" | "google" | "github";

/** A choice that an agent offers for its sessions, as `GET /v1/agents` reports it. */
export interface AgentConfigOption {
  readonly id: string;
  readonly name: string;
  readonly category: "model" | "mode" | "thought_level";
  readonly type: "select";
  readonly currentValue: string;
  readonly options: readonly { readonly value: string; readonly name: string }[];
}

/** Where an agent finds its model, and where it may keep its own settings. */
export interface ModelEndpoint {
  /**
   * Base URL of the model as the provider's own SDK takes it: for "anthropic" and "gemini" without
   * a version (".../v1" is appended by the agent), for both "openai" wires with it (".../v1").
   */
  readonly baseUrl: string;
  /** The key that the agent sends; in a jail a placeholder that is worthless elsewhere. */
  readonly apiKey: string;
  /** Name of the model; a row has a default where its agent needs one. */
  readonly model?: string;
}

/** What a row is given when an agent is about to start. */
export interface AgentStart {
  /** Absolute path of the agent's HOME. */
  readonly home: string;
  /** Absent when no model is configured for the wire of this agent. */
  readonly model?: ModelEndpoint;
  /** True when a jail is around the agent already, so that it must not nest one of its own. */
  readonly jailed: boolean;
}

/** A file that an agent needs before it starts. */
export interface AgentFile {
  /** Absolute path; it must lie inside the agent's HOME. */
  readonly path: string;
  readonly content: string;
  /** Permission bits, 0o600 by default. */
  readonly mode?: number;
}

/** Environment, files and PATH entries that an agent needs to start. */
export interface AgentSetup {
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly AgentFile[];
  /** Directories to put in front of PATH, first one first. */
  readonly path?: readonly string[];
}

/** Known behaviour of an agent that callers have to allow for. */
export interface AgentQuirks {
  /** Advertises `loadSession`, so that a session survives its process. */
  readonly loadsSessions: boolean;
  /** Sends `session/request_permission` before it changes something. */
  readonly asksPermission: boolean;
  /** How a turn ends after a denied permission, as its `stopReason`; absent when the model goes on. */
  readonly deniedStopReason?: string;
  /** Takes MCP servers at session start. */
  readonly mcpServers: boolean;
  /**
   * Refuses an `initialize` whose version is a text, and a `session/new` without `mcpServers`. Clients
   * that other agents forgive send both; they are put right for this one.
   */
  readonly strictStart?: boolean;
  /** Other facts, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * One agent as data: how it is installed, found, started and pointed at a model. The server has no
 * code for a particular agent; everything that differs between agents is in its row.
 */
export interface AgentRow {
  /** Machine-readable id, kebab-case. */
  readonly id: string;
  /** Name for people. */
  readonly name: string;
  /** Executable name, looked for in the agents directory and then in PATH, or an absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  /** Absolute path of a JavaScript entry that is started with this Node; wins over `command`. */
  readonly entry?: string;
  /** npm packages by name with their exact versions; empty when there is nothing to install. */
  readonly packages: Readonly<Record<string, string>>;
  /** The hash that each package has in the registry ("sha512-..."), by name; another one is refused. */
  readonly integrity?: Readonly<Record<string, string>>;
  /** The package that is the agent's own program where its ACP process is another one. */
  readonly nativePackage?: string;
  /** Why there are no packages to install, for people; absent where there are, or none are needed. */
  readonly notInstallable?: string;
  /** Arguments that print a version and exit 0; absent when the command has none. */
  readonly versionArgs?: readonly string[];
  readonly wire: ModelWire;
  /** A credential of any of these is enough; empty for an agent that needs none. */
  readonly credentials: readonly CredentialProvider[];
  /** What is offered before the first session has said it; the words of a running agent win. */
  readonly configOptions?: readonly AgentConfigOption[];
  /** Where the agent reads the skills of a project, relative to it; absent when it reads none. */
  readonly skillsDirectory?: string;
  readonly capabilities: AgentCapabilities;
  readonly quirks: AgentQuirks;
  /** Environment and files for one start. Pure: it writes nothing itself. */
  readonly setup: (start: AgentStart) => AgentSetup;
}
