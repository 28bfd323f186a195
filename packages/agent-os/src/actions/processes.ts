import { allProcesses, processTree } from "../machine/process-table.ts";
import type {
  ExecOptions,
  ExecResult,
  OpenShellOptions,
  ProcessInfo,
  ProcessTreeNode,
  SpawnedProcessInfo,
  SpawnOptions,
} from "../types.ts";
import { parts, type WithMachine } from "./with-machine.ts";

/** Processes and shells. */
export const processActions = {
  exec: (c: WithMachine, command: string, options?: ExecOptions): Promise<ExecResult> =>
    parts(c).processes.exec(command, options),
  spawn: (
    c: WithMachine,
    command: string,
    args?: readonly string[],
    options?: SpawnOptions,
  ): Promise<{ pid: number }> => parts(c).processes.spawn(command, args, options),
  writeProcessStdin: (c: WithMachine, pid: number, data: string | Uint8Array): Promise<void> =>
    parts(c).processes.write(pid, data),
  closeProcessStdin: (c: WithMachine, pid: number): Promise<void> => parts(c).processes.closeInput(pid),
  waitProcess: (c: WithMachine, pid: number): Promise<number> => parts(c).processes.wait(pid),
  listProcesses: (c: WithMachine): SpawnedProcessInfo[] => parts(c).processes.list(),
  allProcesses: (c: WithMachine): Promise<ProcessInfo[]> => allProcesses(parts(c).vm),
  processTree: (c: WithMachine): Promise<ProcessTreeNode[]> => processTree(parts(c).vm),
  getProcess: (c: WithMachine, pid: number): SpawnedProcessInfo => parts(c).processes.get(pid),
  stopProcess: (c: WithMachine, pid: number): Promise<void> => parts(c).processes.stop(pid),
  killProcess: (c: WithMachine, pid: number): Promise<void> => parts(c).processes.kill(pid),

  openShell: (c: WithMachine, options?: OpenShellOptions): Promise<{ shellId: string }> =>
    parts(c).shells.open(options),
  writeShell: (c: WithMachine, shellId: string, data: string | Uint8Array): Promise<void> =>
    parts(c).shells.write(shellId, data),
  resizeShell: (c: WithMachine, shellId: string, cols: number, rows: number): Promise<void> =>
    parts(c).shells.resize(shellId, cols, rows),
  closeShell: (c: WithMachine, shellId: string): Promise<void> => parts(c).shells.close(shellId),
  waitShell: (c: WithMachine, shellId: string): Promise<number> => parts(c).shells.wait(shellId),
};
