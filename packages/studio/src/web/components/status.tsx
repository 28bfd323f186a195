import { Status } from "@holdfast/web-parts";
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

export function StatusPill({ status }: { readonly status: TaskStatus }) {
  return <Status kind={status} label={words[status]} />;
}

/** Marks what runs without a jail, wherever it is shown. */
export function UnsafeMark() {
  return (
    <span className="tag tag-unsafe" title="This task runs without a jail">
      no jail
    </span>
  );
}
