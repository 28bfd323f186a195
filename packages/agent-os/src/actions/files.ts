import type { SnapshotInfo } from "../disk/disk.ts";
import type { BatchReadResult, BatchWriteEntry, BatchWriteResult, DirEntry, VirtualStat } from "../types.ts";
import { parts, type WithMachine } from "./with-machine.ts";

/** Files, and snapshots of them. */
export const fileActions = {
  readFile: (c: WithMachine, path: string): Promise<Uint8Array> => parts(c).files.read(path),
  writeFile: (c: WithMachine, path: string, content: string | Uint8Array): Promise<void> =>
    parts(c).files.write(path, content),
  readFiles: (c: WithMachine, paths: readonly string[]): Promise<BatchReadResult[]> =>
    parts(c).files.readMany(paths),
  writeFiles: (c: WithMachine, entries: readonly BatchWriteEntry[]): Promise<BatchWriteResult[]> =>
    parts(c).files.writeMany(entries),
  mkdir: (c: WithMachine, path: string, _options?: { readonly recursive?: boolean }): Promise<void> =>
    parts(c).files.mkdir(path),
  readdir: (c: WithMachine, path: string): Promise<string[]> => parts(c).files.list(path),
  readdirRecursive: (
    c: WithMachine,
    path: string,
    options?: { readonly maxDepth?: number; readonly exclude?: readonly string[] },
  ): Promise<DirEntry[]> => parts(c).files.listAll(path, options),
  stat: (c: WithMachine, path: string): Promise<VirtualStat> => parts(c).files.stat(path),
  exists: (c: WithMachine, path: string): Promise<boolean> => parts(c).files.exists(path),
  move: (c: WithMachine, from: string, to: string): Promise<void> => parts(c).files.move(from, to),
  deleteFile: (c: WithMachine, path: string, options?: { readonly recursive?: boolean }): Promise<void> =>
    parts(c).files.remove(path, options),
  /** Takes a snapshot now; resolves when it is durable. */
  snapshot: (c: WithMachine): Promise<SnapshotInfo> => parts(c).vm.snapshot(),
};
