import type { LoggedRequest } from "../../api/requests/request-log.ts";

/** True for an error of the server, and where no answer came. Cancelling, as pages do when they are left, is none. */
export function isFailed({ status = 0, failure }: LoggedRequest): boolean {
  return status >= 400 || failure === "unreachable";
}

export function statusText({ status, failure }: LoggedRequest): string {
  if (failure === "cancelled") return "cancelled";
  if (failure === "unreachable") return "no answer";
  return status === undefined ? "waiting" : String(status);
}

/** "7 ms", "1.2 s". */
export function formatMs(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
