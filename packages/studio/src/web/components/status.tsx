import type { TaskStatus } from "../../contract.ts";

const words: Readonly<Record<TaskStatus, string>> = {
  preparing: "Preparing",
  running: "Working",
  waiting: "Needs you",
  idle: "Done",
  stopped: "Stopped",
  failed: "Failed",
};

export function statusWords(status: TaskStatus): string {
  return words[status];
}

/** True while an agent works or is about to. */
export function isBusy(status: TaskStatus): boolean {
  return status === "preparing" || status === "running" || status === "waiting";
}

/** Shape, colour and word say the same, so that none of them is needed alone. */
export function StatusPill({ status }: { readonly status: TaskStatus }) {
  return (
    <span className={`status status-${status}`} data-status={status}>
      <span className="status-dot" aria-hidden="true" />
      {words[status]}
    </span>
  );
}

/** Marks what runs without a jail, wherever it is shown. */
export function UnsafeMark() {
  return (
    <span className="tag tag-unsafe" title="This task runs without a jail">
      no jail
    </span>
  );
}
