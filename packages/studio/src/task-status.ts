import type { TaskStatus } from "./contract.ts";

const words: Readonly<Record<TaskStatus, string>> = {
  preparing: "Preparing",
  running: "Working",
  waiting: "Needs you",
  idle: "Done",
  stopped: "Stopped",
  failed: "Failed",
};

/** The status of a task as people read it, the same in the web app and on the command line. */
export function statusWords(status: TaskStatus): string {
  return words[status];
}

/** True while an agent works, is about to, or waits for an answer. */
export function isBusy(status: TaskStatus): boolean {
  return status === "preparing" || status === "running" || status === "waiting";
}
