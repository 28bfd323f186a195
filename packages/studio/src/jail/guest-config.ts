import type { CustomAgent, ModelWire } from "@holdfast/sandbox";

/** What the host tells the process inside a jail when it starts it. No secret is in it. */
export interface GuestConfig {
  /** Unix socket that the host listens on and the sandbox server dials. */
  readonly control: string;
  /** Unix socket of the egress proxy; absent when the agent needs no model. */
  readonly egress?: string;
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

export interface GuestModel {
  readonly wire: ModelWire;
  /** Below the forwarder's address, for example "/openai/v1". */
  readonly path: string;
  /** The placeholder: worthless anywhere. */
  readonly apiKey: string;
  readonly model?: string;
}
