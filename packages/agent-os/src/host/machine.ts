/** Machines: sandbox servers in jails, started by one gate of this process. Only this room starts programs of the host. */
import type { Agent } from "node:http";
import type { HoldfastError } from "@holdfast/core";
import type { EgressHost, JailLimits, ProviderName } from "@holdfast/gate";
import type { DriverMount, HostMount } from "../mount/mounts.ts";
import type { HostTools } from "../tools/tool-kit.ts";

/** Paths in a jail. Without one, the folders have their paths on the host. */
export const machinePaths = {
  home: "/home/user",
  workspace: "/workspace",
  node: "/opt/holdfast/bin/node",
  programs: "/opt/holdfast/programs",
  codeCache: "/opt/holdfast/code-cache",
  modules: "/opt/holdfast/node_modules",
  agents: "/opt/holdfast/agents",
  control: "/run/holdfast/control.sock",
  egress: "/run/holdfast/egress.sock",
  path: "/opt/holdfast/bin:/usr/local/bin:/usr/bin:/bin",
} as const;

/** Folders of a machine on the host. Their contents are untrusted. */
export interface MachineFolders {
  readonly home: string;
  readonly workspace: string;
}

/** What a machine is started with: machines with the same settings are alike until something runs in them. */
export interface MachineSettings {
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly HostMount[];
  readonly drivers: readonly DriverMount[];
  readonly hosts: readonly EgressHost[];
  readonly limits: JailLimits;
  readonly agentsDirectory: string;
  readonly tools?: HostTools;
}

/** A running machine. */
export interface Machine {
  /** Its name in usage and audit records. */
  readonly id: string;
  readonly home: string;
  readonly workspace: string;
  /** Model providers that it reaches; their keys stay on the host. */
  readonly providers: readonly ProviderName[];
  /** HTTP agent for its sandbox server. */
  readonly agent: Agent;
  /** Resolves with the cause when it ends; never rejects. */
  readonly ended: Promise<HoldfastError>;
  /** Ends its programs, SIGTERM first. Idempotent. */
  stop(graceMs: number): Promise<void>;
}
