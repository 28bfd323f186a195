import type { CustomAgent, ModelWire } from "@holdfast/sandbox";

/** Configuration that the host passes to the process in a jail. Contains no secret. */
export interface GuestConfig {
  /** Unix socket that the host listens on and the sandbox server dials. */
  readonly control: string;
  /** Unix socket of the egress proxy; absent if the agent needs no model. */
  readonly egress?: string;
  /** True if tools may open tunnels through the forwarder. They end in the egress proxy. */
  readonly tunnels?: boolean;
  /** Path of the certificate of the authority that ends these tunnels. */
  readonly authority?: string;
  /** Names of the desktop's tools that the agent is offered; absent if it is offered none. */
  readonly desktop?: readonly string[];
  /** Connection to the gate's tools; absent if the jail has none. */
  readonly gate?: GuestGate;
  /** Read-only skills of plugins for the agent of this jail. */
  readonly agentSkills?: { readonly agent: string; readonly directory: string };
  readonly home: string;
  readonly workspace: string;
  readonly agentsDirectory: string;
  /** Bundled entry point of the scripted demo agent. */
  readonly demoEntry: string;
  readonly jailed: boolean;
  readonly models: readonly GuestModel[];
  readonly customAgents: readonly CustomAgent[];
  /** Command paths inside the jail of agents found on the host's PATH, by agent id. */
  readonly commands: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** Further variables, in which `{origin}` stands for the address of the forwarder. */
  readonly originEnv?: Readonly<Record<string, string>>;
}

export interface GuestGate {
  /** Directory of the gate's sockets. */
  readonly directory: string;
  /** Directory in which the guest creates its own sockets. */
  readonly local: string;
  /** Version reported to MCP clients. */
  readonly version: string;
  /** Read-only directory of the plugins' skills. */
  readonly skills: string;
}

export interface GuestModel {
  readonly wire: ModelWire;
  /** Path below the forwarder's address; "/openai/v1", for example. */
  readonly path: string;
  /** A placeholder. The egress proxy replaces it with the real key. */
  readonly apiKey: string;
  readonly model?: string;
}
