import { Status } from "@holdfast/web-parts";
import type { TaskStatus } from "../../contract.ts";
import { hasAgent, isBusy, statusLabel, waitsForStart } from "../../task-status.ts";

export { hasAgent, isBusy, statusLabel, waitsForStart };

export function StatusPill({ status }: { readonly status: TaskStatus }) {
  return <Status kind={status} label={statusLabel(status)} />;
}

/** Marks everything that runs without a jail. */
export function UnsafeMark() {
  return (
    <span className="tag tag-unsafe" title="This task runs without a jail">
      no jail
    </span>
  );
}
