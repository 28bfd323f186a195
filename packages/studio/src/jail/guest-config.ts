import type { CustomAgent, ModelWire } from "@holdfast/sandbox";

/** What the host tells the process inside a jail when it starts it. No secret is in it. */
export interface GuestConfig {
  /** Unix socket that the host listens on and the sandbox server dials. */
  readonly control: string;
  /** Unix socket of the egress proxy; absent when the agent needs no model. */
  readonly egress?: string;
  /** True where tools may ask for tunnels by the forwarder, since those end in the egress proxy. */
  readonly tunnels?: boolean;
  /** How tools are called; absent where the jail has none. */
  readonly gate?: GuestGate;
  /** Skills of plugins for the agent of this jail, read-only. */
  readonly agentSkills?: { readonly agent: string; readonly directory: string };
  readonly home: string;
  readonly workspace: string;
  readonly agentsDirectory: string;
  /** The scripted agent's bundled entry. */
  readonly demoEntry: string;
  readonly jailed: boolean;
  readonly models: readonly GuestModel[];
  readonly customAgents: readonly CustomAgent[];
  /** Agents that were found on the host's PATH, by id: where their command is in here. */
  readonly commands: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

export interface GuestGate {
  /** Directory with the sockets of the gate. */
  readonly directory: string;
  /** Directory in which the guest makes its own sockets. */
  readonly local: string;
  /** Shown to MCP clients. */
  readonly version: string;
  /** The skills of plugins, for reading. */
  readonly skills: string;
}

export interface GuestModel {
  readonly wire: ModelWire;
  /** Below the forwarder's address, for example "/openai/v1". */
  readonly path: string;
  /** The placeholder: worthless anywhere. */
  readonly apiKey: string;
  readonly model?: string;
}
