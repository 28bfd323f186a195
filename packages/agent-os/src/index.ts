/** `agentOs`: an agent's computer as an actor. */
export type { MachineParts, WithMachine } from "./actions/with-machine.ts";
export { type AgentOsConfig, type AgentOsContext, type AgentOsVars, agentOs } from "./agent-os.ts";
export type { MachineOptions, PluginMount } from "./config.ts";
export type { SnapshotInfo } from "./disk/disk.ts";
export type { HostMount, SandboxMount } from "./host/machine.ts";
export type { MachineProvider } from "./host/machine-host.ts";
export { agentOsLimits } from "./limits.ts";
export type { CronJob } from "./machine/cron.ts";
export type { AgentOsState } from "./machine/vm.ts";
export type { SandboxFilesClient } from "./mount/far-files.ts";
export { createSandboxFs, type SandboxFs, type SandboxFsOptions } from "./mount/sandbox-fs.ts";
export type * from "./types.ts";
