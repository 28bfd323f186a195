import { resolve } from "node:path";
import type { EgressHost, JailLimits } from "@holdfast/gate";
import { invalidConfig } from "./errors.ts";
import type { MachineSettings } from "./host/machine.ts";
import type { MachineHostOptions, MachineProvider } from "./host/machine-host.ts";
import { agentOsLimits } from "./limits.ts";
import type { PreviewSettings } from "./machine/network.ts";
import { type GivenMount, parseMounts } from "./mount/mounts.ts";
import { type BindingGroup, HostTools, type ToolKit } from "./tools/tool-kit.ts";

/** How the machines of these actors are made. */
export interface MachineOptions {
  /** "jail" by default. "local" confines nothing: for development on your own machine. */
  readonly provider?: MachineProvider;
  /** ".holdfast/agent-os" in the working directory by default, or "agent-os" in HOLDFAST_DATA. */
  readonly dataDirectory?: string;
  /** Where agents are installed: ".holdfast/agents" by default. */
  readonly agentsDirectory?: string;
  /** Technology of the jails, as for `createGate`. */
  readonly jails?: MachineHostOptions["jails"];
  readonly limits?: JailLimits;
  /** Variables of all programs in the machines. Never put a key here: programs can read them. */
  readonly env?: Readonly<Record<string, string>>;
  /** Hosts that programs may reach over HTTP. None by default. */
  readonly hosts?: readonly (string | EgressHost)[];
  /** Folders of the host, of other sandboxes, of buckets and of memory. They are not part of snapshots. */
  readonly mounts?: readonly GivenMount[];
  /** Functions of this program that programs in the machines call as commands. None by default. */
  readonly toolKits?: readonly ToolKit[];
  /** As `toolKits`, as later releases of the peer write them. */
  readonly bindings?: readonly BindingGroup[];
  /** How often snapshots are taken while something changes: 5,000 ms by default. */
  readonly snapshots?: { readonly intervalMs?: number };
  /** Number of machines that are started ahead, for a faster start: 0 by default. Each takes the memory of a process. */
  readonly spares?: number;
  /** Goes in front of the first prompt of each session. */
  readonly additionalInstructions?: string;
  /** Accepted without effect: programs of the host's /usr are in every machine, agents in `agentsDirectory`. */
  readonly software?: readonly unknown[];
  readonly moduleAccessCwd?: string;
  readonly allowedNodeBuiltins?: readonly string[];
  readonly loopbackExemptPorts?: readonly number[];
}

/** Options with their defaults, without those of the actor. */
export interface ParsedConfig {
  readonly host: Omit<MachineHostOptions, "log">;
  readonly machine: MachineSettings;
  readonly spares: number;
  readonly snapshotIntervalMs: number;
  readonly preview: PreviewSettings;
  readonly additionalInstructions?: string;
  readonly sleepTimeout?: number;
}

export interface PlainConfig extends MachineOptions {
  readonly options?: MachineOptions;
  readonly preview?: Partial<PreviewSettings>;
  readonly sleepTimeout?: number;
}

const known = new Set([
  ...["provider", "dataDirectory", "agentsDirectory", "jails", "limits", "env", "hosts", "mounts"],
  ...["snapshots", "spares", "additionalInstructions", "software", "moduleAccessCwd", "allowedNodeBuiltins"],
  ...["loopbackExemptPorts", "options", "preview", "sleepTimeout", "toolKits", "bindings"],
  ...["onBeforeConnect", "onAuth", "onSessionEvent", "onPermissionRequest"],
]);

/** Options of the peer that cannot be ignored without changing what a program does. */
const refused: Readonly<Record<string, string>> = {
  permissions: "a machine reaches only the folders of `mounts` and the hosts of `hosts`",
  rootFilesystem: "the root of a machine is the /usr of its host, read-only",
};

/** Checks the options and fills in the defaults. Throws `agent_os.invalid_config`. */
export function parseConfig(given: PlainConfig): ParsedConfig {
  const config = { ...given.options, ...given };
  for (const name of Object.keys(config)) {
    const instead = refused[name];
    if (instead !== undefined) throw invalidConfig(`agentOs has no option ${name}: ${instead}`);
    if (!known.has(name)) throw invalidConfig(`agentOs has no option ${name}`);
  }
  const { provider = "jail" } = config;
  if (provider !== "jail" && provider !== "local") throw invalidConfig('provider must be "jail" or "local"');
  const data = process.env["HOLDFAST_DATA"] ?? ".holdfast";
  const intervalMs = config.snapshots?.intervalMs ?? agentOsLimits.snapshotIntervalMs;
  if (!(intervalMs >= agentOsLimits.minSnapshotIntervalMs))
    throw invalidConfig(`snapshots.intervalMs must be at least ${agentOsLimits.minSnapshotIntervalMs}`);
  const { spares = 0 } = config;
  if (!Number.isInteger(spares) || spares < 0 || spares > agentOsLimits.maxSpares)
    throw invalidConfig(`spares must be a whole number from 0 to ${agentOsLimits.maxSpares}`);
  const tools = HostTools.of([...(config.toolKits ?? []), ...(config.bindings ?? [])]);
  const { memoryBytes, pids, tmpBytes, diskBytes, diskEntries } = agentOsLimits;
  return {
    host: {
      directory: resolve(config.dataDirectory ?? `${data}/agent-os`),
      provider,
      jails: config.jails ?? {},
    },
    machine: {
      agentsDirectory: resolve(config.agentsDirectory ?? `${data}/agents`),
      limits: { memoryBytes, pids, tmpBytes, diskBytes, diskEntries, ...config.limits },
      env: config.env ?? {},
      hosts: (config.hosts ?? []).map((host) => (typeof host === "string" ? { host } : host)),
      ...parseMounts(config.mounts ?? [], provider === "jail"),
      ...(tools === undefined ? {} : { tools }),
    },
    spares,
    snapshotIntervalMs: intervalMs,
    preview: {
      defaultExpiresInSeconds: positive(config.preview?.defaultExpiresInSeconds, 3_600),
      maxExpiresInSeconds: positive(config.preview?.maxExpiresInSeconds, 86_400),
    },
    ...(config.additionalInstructions === undefined
      ? {}
      : { additionalInstructions: config.additionalInstructions }),
    ...(config.sleepTimeout === undefined ? {} : { sleepTimeout: config.sleepTimeout }),
  };
}

function positive(value: number | undefined, standard: number): number {
  if (value === undefined) return standard;
  if (value > 0) return value;
  throw invalidConfig("The lifetimes of previews must be positive numbers of seconds");
}
