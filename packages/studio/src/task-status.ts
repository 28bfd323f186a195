import type { TaskStatus, TaskSummary } from "./contract.ts";

const labels: Readonly<Record<TaskStatus, string>> = {
  preparing: "Preparing",
  running: "Working",
  waiting: "Needs you",
  idle: "Done",
  stopped: "Stopped",
  failed: "Failed",
};

/** All statuses in the order in which groups of tasks are listed: what needs a person comes first. */
export const taskStatuses = [
  "waiting",
  "failed",
  "running",
  "preparing",
  "idle",
  "stopped",
] as const satisfies readonly TaskStatus[];

/** Label of a task's status, shared by the web app and the command line. */
export function statusLabel(status: TaskStatus): string {
  return labels[status];
}

/** Position of a status in {@link taskStatuses}. */
export function statusOrder(status: TaskStatus): number {
  return taskStatuses.indexOf(status);
}

/** True while an agent works, is about to work, or waits for an answer, also for one without which none starts. */
export function isBusy(status: TaskStatus): boolean {
  return status === "preparing" || status === "running" || status === "waiting";
}

/** True for a task that waits for an answer without which no agent starts: whether code of a fork gets secrets. */
export function waitsForStart({ status, error }: Pick<TaskSummary, "status" | "error">): boolean {
  return status === "waiting" && error !== undefined;
}

/** True while an agent works on a task, or is about to. */
export function hasAgent(task: Pick<TaskSummary, "status" | "error">): boolean {
  return isBusy(task.status) && !waitsForStart(task);
}
