import { Status } from "@holdfast/web-parts";
import type { TaskStatus } from "../../contract.ts";
import { isBusy, statusLabel } from "../../task-status.ts";

export { isBusy, statusLabel };

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
