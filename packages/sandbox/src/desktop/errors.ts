import type { HoldfastError } from "@holdfast/core";
import { problem } from "../http/problem.ts";

/** A request whose values are out of range. */
export function invalidAction(detail: string): HoldfastError {
  return problem("desktop_invalid_action", 400, detail);
}

export function notActive(): HoldfastError {
  return problem("conflict", 409, "the desktop is not active: POST /v1/desktop/start starts it");
}

/** The X server, the window manager or the connection to them failed. */
export function runtimeFailed(detail: string): HoldfastError {
  return problem("desktop_runtime_failed", 503, detail);
}

export function windowNotFound(id: string): HoldfastError {
  return problem("window_not_found", 404, `window not found: ${id}`, {
    details: { id, resource: "desktop_window" },
  });
}

export function appNotFound(app: string): HoldfastError {
  return problem("app_not_found", 404, `"${app}" is not an executable program in the PATH of the server`);
}
