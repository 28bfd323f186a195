import { version } from "@holdfast/core";

/** The body of `GET /health`: whether the server accepts requests, and which server it is. */
export interface HealthBody {
  readonly status: "ok" | "shutting-down";
  readonly runtime: "holdfast";
  readonly version: string;
}

export function healthBody(status: HealthBody["status"]): HealthBody {
  return { status, runtime: "holdfast", version };
}
