/** `agentOs`: an agent's computer as an actor. */
export type { MachineParts, WithMachine } from "./actions/with-machine.ts";
export { type AgentOsConfig, type AgentOsContext, type AgentOsVars, agentOs } from "./agent-os.ts";
export type { MachineOptions } from "./config.ts";
export type { SnapshotInfo } from "./disk/disk.ts";
export type { HostMount } from "./host/machine.ts";
export type { MachineProvider } from "./host/machine-host.ts";
export { agentOsLimits } from "./limits.ts";
export type { CronJob } from "./machine/cron.ts";
export type { AgentOsState } from "./machine/vm.ts";
export { createSandboxFs, type SandboxFsOptions } from "./sandbox-mount.ts";
export type * from "./types.ts";
