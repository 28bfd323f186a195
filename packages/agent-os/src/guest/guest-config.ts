import type { ModelWire } from "@holdfast/sandbox";

/** Configuration that the host passes to the program in a machine. Contains no secret. */
export interface GuestConfig {
  /** Unix socket that the host listens on and the sandbox server dials. */
  readonly control: string;
  /** Unix socket of the egress proxy; absent if the machine reaches nothing. */
  readonly egress?: string;
  readonly home: string;
  readonly cwd: string;
  readonly agentsDirectory: string;
  readonly demoEntry: string;
  readonly jailed: boolean;
  readonly models: readonly GuestModel[];
  readonly env: Readonly<Record<string, string>>;
}

/** A model endpoint behind the egress proxy. */
export interface GuestModel {
  readonly wire: ModelWire;
  /** Path below the forwarder's address. */
  readonly path: string;
  /** A placeholder. The egress proxy replaces it with the real key. */
  readonly apiKey: string;
}
