/** Parts that several screens show. */
import { Status } from "@holdfast/web-parts";
import type { TaskStatus } from "../../contract.ts";
import { isBusy, statusLabel } from "../../task-status.ts";

export { isBusy, statusLabel };

export function StatusPill({ status }: { readonly status: TaskStatus }) {
  return <Status kind={status} label={statusLabel(status)} />;
}

/** Marks what runs without a jail, wherever it is shown. */
export function UnsafeMark() {
  return (
    <span className="tag tag-unsafe" title="This task runs without a jail">
      no jail
    </span>
  );
}
