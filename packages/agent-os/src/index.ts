/** `agentOs`: an agent's computer as an actor. */
export type { MachineParts, WithMachine } from "./actions/with-machine.ts";
export { type AgentOsConfig, type AgentOsContext, type AgentOsVars, agentOs } from "./agent-os.ts";
export type { MachineOptions } from "./config.ts";
export type { SnapshotInfo } from "./disk/disk.ts";
export type { MachineProvider } from "./host/machine-host.ts";
export { agentOsLimits } from "./limits.ts";
export type { CronJob } from "./machine/cron.ts";
export type { AgentOsState } from "./machine/vm.ts";
export {
  type AgentKey,
  createS3Backend,
  createS3BackendForAgent,
  type S3BackendOptions,
} from "./mount/bucket-driver.ts";
export {
  createHostDirBackend,
  createInMemoryFileSystem,
  createSandboxFs,
  type MemoryFsOptions,
  type SandboxFsOptions,
} from "./mount/drivers.ts";
export type { SandboxFilesClient } from "./mount/files/sandbox-files.ts";
export type { HostDirectory, MountDriver, MountDriverOptions } from "./mount/mount-driver.ts";
export type { DriverMount, GivenMount, HostMount, PluginDescription, PluginMount } from "./mount/mounts.ts";
export {
  type BindingGroup,
  binding,
  bindingGroup,
  type HostTool,
  hostTool,
  type ToolCall,
  type ToolExample,
  type ToolKit,
  toolKit,
} from "./tools/tool-kit.ts";
export type * from "./types.ts";
