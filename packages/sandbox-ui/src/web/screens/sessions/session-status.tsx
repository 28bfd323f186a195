import { Status, type StatusKind } from "@holdfast/web-parts";
import type { SessionStatus } from "../../api/types.ts";

const kinds: Readonly<Record<SessionStatus, StatusKind>> = {
  starting: "preparing",
  idle: "idle",
  running: "running",
  waiting: "waiting",
  detached: "stopped",
};
const labels: Readonly<Record<SessionStatus, string>> = {
  starting: "Starting",
  idle: "Ready",
  running: "Running",
  waiting: "Waiting for an answer",
  detached: "No agent",
};

export function SessionStatusMark({ status }: { readonly status: SessionStatus }) {
  return <Status kind={kinds[status]} label={labels[status]} />;
}
