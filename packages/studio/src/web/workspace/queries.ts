import { type FileRef, isPermanentRefusal, isSandboxStopped } from "@holdfast/web-parts/sandbox";
import { queryOptions } from "@tanstack/react-query";
import type { TaskView } from "../../contract.ts";
import type { StudioApi } from "../shared/port.ts";
import type { FileSource } from "./files/source/file-source.ts";
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

export function directoryQuery(source: FileSource, directory: FileRef) {
  return queryOptions({
    queryKey: keys.directory(source.scope, directory),
    queryFn: ({ signal }) => source.entries(directory, signal),
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

export function fileQuery(source: FileSource, fileRef: FileRef) {
  return queryOptions({
    queryKey: keys.file(source.scope, fileRef),
    queryFn: ({ signal }) => source.read(fileRef, signal),
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

export function imageQuery(source: FileSource, fileRef: FileRef, version: string) {
  return queryOptions({
    queryKey: ["sandbox", source.scope, "image", fileRef, version],
    queryFn: () => source.imageUrl(fileRef, version),
    retry,
    gcTime: 0,
  });
}

/** The state in which the files were seen last; asked for while the sandbox does not run. */
export function savedQuery(api: StudioApi, task: Pick<TaskView, "id" | "revision">, isStopped: boolean) {
  return queryOptions({
    queryKey: ["sandbox", task.id, "saved", task.revision],
    queryFn: () => api.task(task.id).savedFolder(),
    enabled: isStopped,
    placeholderData: (before) => before,
    retry: false,
  });
}

export function searchQuery(source: FileSource, where: "names" | "contents", text: string) {
  return queryOptions({
    queryKey: ["sandbox", source.scope, "search", where, text],
    queryFn: ({ signal }) => source.search(where, text, signal),
    enabled: text !== "",
    staleTime: 0,
    retry,
  });
}
