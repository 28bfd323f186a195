import { version } from "./limits.ts";

/** What `GET /health` answers: whether the server takes requests, and which server it is. */
export interface HealthBody {
  readonly status: "ok" | "shutting-down";
  readonly runtime: "holdfast";
  readonly version: string;
}

export function healthBody(status: HealthBody["status"]): HealthBody {
  return { status, runtime: "holdfast", version };
}
