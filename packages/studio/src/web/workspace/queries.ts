import { type FileRef, isPermanentRefusal, isSandboxStopped, readText } from "@holdfast/web-parts/sandbox";
import { queryOptions } from "@tanstack/react-query";
import { type TaskSandbox, workspaceRoot } from "./task-sandbox.ts";

const pollMs = 2_000;

/** No stream reports the start and the end of processes, so they are polled while they are shown and there is a sandbox. */
const refetchInterval = ({ state }: { readonly state: { readonly error: unknown } }) =>
  isSandboxStopped(state.error) ? false : pollMs;

export const keys = {
  all: (taskId: string) => ["sandbox", taskId],
  directories: (taskId: string) => ["sandbox", taskId, "directory"],
  directory: (taskId: string, directory: FileRef) => ["sandbox", taskId, "directory", directory],
  files: (taskId: string) => ["sandbox", taskId, "file"],
  file: (taskId: string, fileRef: FileRef) => ["sandbox", taskId, "file", fileRef],
  processes: (taskId: string) => ["sandbox", taskId, "processes"],
} as const;

const retry = (failures: number, error: unknown) =>
  failures < 2 && !isSandboxStopped(error) && !isPermanentRefusal(error);

export function directoryQuery(sandbox: TaskSandbox, directory: FileRef) {
  return queryOptions({
    queryKey: keys.directory(sandbox.taskId, directory),
    queryFn: ({ signal }) => sandbox.entries(directory, signal),
    retry,
  });
}

/**
 * The folder at the top. While the sandbox is stopped and the agent has work, it is about to start: no event reports
 * when it has.
 */
export function rootQuery(sandbox: TaskSandbox, isBusy: boolean) {
  return queryOptions({
    ...directoryQuery(sandbox, workspaceRoot),
    refetchInterval: ({ state }) => (isBusy && isSandboxStopped(state.error) ? pollMs : false),
  });
}

export function fileQuery(sandbox: TaskSandbox, fileRef: FileRef) {
  return queryOptions({
    queryKey: keys.file(sandbox.taskId, fileRef),
    queryFn: ({ signal }) => readText(sandbox.http, fileRef, signal),
    retry,
    gcTime: 0,
  });
}

export function processesQuery(sandbox: TaskSandbox) {
  return queryOptions({
    queryKey: keys.processes(sandbox.taskId),
    queryFn: ({ signal }) => sandbox.processes(signal),
    refetchInterval,
    retry,
  });
}

export function portsQuery(sandbox: TaskSandbox) {
  return queryOptions({
    queryKey: [...keys.processes(sandbox.taskId), "ports"],
    queryFn: ({ signal }) => sandbox.ports(signal),
    refetchInterval,
    retry,
  });
}

export function searchQuery(sandbox: TaskSandbox, where: "names" | "contents", text: string) {
  return queryOptions({
    queryKey: ["sandbox", sandbox.taskId, "search", where, text],
    queryFn: ({ signal }) => sandbox.search(where, text, signal),
    enabled: text !== "",
    staleTime: 0,
    retry,
  });
}
