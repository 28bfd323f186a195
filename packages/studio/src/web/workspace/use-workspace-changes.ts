import { usePrevious } from "@holdfast/web-parts";
import { watchDirectory } from "@holdfast/web-parts/sandbox";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { keys } from "./queries.ts";
import { type TaskSandbox, workspaceRoot } from "./task-sandbox.ts";

/** Changes within this time are answered by one request for each folder and file. */
const settleMs = 200;

/**
 * Reads again what the agent, or anything else in the sandbox, has changed of the folders and the file that are shown;
 * and everything, when the sandbox has started again.
 */
export function useWorkspaceChanges({ http, taskId }: TaskSandbox, isRunning: boolean): void {
  const queries = useQueryClient();
  const wasRunning = usePrevious(isRunning);
  useEffect(() => {
    if (isRunning && wasRunning === false) void queries.invalidateQueries({ queryKey: keys.all(taskId) });
  }, [isRunning, wasRunning, queries, taskId]);
  useEffect(() => {
    if (!isRunning) return;
    const abort = new AbortController();
    const changed = new Set<string>();
    let missed = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refetch = () => {
      timer = undefined;
      if (missed) {
        void queries.invalidateQueries({ queryKey: keys.directories(taskId) });
        void queries.invalidateQueries({ queryKey: keys.files(taskId) });
      }
      for (const path of missed ? [] : changed) {
        void queries.invalidateQueries({ queryKey: keys.directory(taskId, parentOf(path)) });
        void queries.invalidateQueries({ queryKey: keys.file(taskId, path) });
      }
      changed.clear();
      missed = false;
    };
    const onChange = (path?: string) => {
      if (path === undefined) missed = true;
      else changed.add(path);
      timer ??= setTimeout(refetch, settleMs);
    };
    void watchDirectory(http, { directory: workspaceRoot, recursive: true, onChange, signal: abort.signal });
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [http, taskId, isRunning, queries]);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}
