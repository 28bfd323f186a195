import { isSandboxStopped } from "@holdfast/web-parts/sandbox";
import { useEffect } from "react";
import { useTaskState } from "./use-task-state.ts";

interface Answer {
  readonly isPending: boolean;
  readonly error: unknown;
}

/**
 * True while the sandbox of a task is stopped, as its last answer says. A query without data forgets its error when it
 * is sent again, and meanwhile the page must not look as if there were a sandbox.
 */
export function useIsStopped(taskId: string, { isPending, error }: Answer): boolean {
  const [known, setKnown] = useTaskState(taskId, "stopped", false);
  const isStopped = isPending ? known : isSandboxStopped(error);
  useEffect(() => setKnown(() => isStopped), [isStopped, setKnown]);
  return isStopped;
}
