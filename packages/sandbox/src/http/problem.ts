/** HTTP layer of the sandbox server: routing, problem details, CORS, tokens and heartbeats. */
import type { ServerResponse } from "node:http";
import { HoldfastError, toProblem } from "@holdfast/core";
import { STATUS_CODES } from "../internal/node-http.ts";

/** Problem types that the published SDK checks. They keep its URN prefix; all others use ours. */
const sdkProblemTypes = new Set([
  "invalid_request",
  "conflict",
  "unsupported_agent",
  "agent_not_installed",
  "install_failed",
  "agent_process_exited",
  "token_invalid",
  "permission_denied",
  "not_acceptable",
  "unsupported_media_type",
  "not_found",
  "session_not_found",
  "stream_error",
  "timeout",
  "desktop_dependencies_missing",
  "desktop_runtime_failed",
  "desktop_invalid_action",
  "desktop_screenshot_failed",
  "no_focused_window",
  "window_not_found",
  "app_not_found",
]);

/** Problem types whose detail the peer's clients also read from `details.message`. */
const typesWithDetailMessage = new Set([
  "conflict",
  "not_acceptable",
  "unsupported_media_type",
  "stream_error",
]);

/** Creates an error for the caller. `extensions` become members of the problem details. */
export function problem(
  code: string,
  statusCode: number,
  detail: string,
  extensions?: Readonly<Record<string, unknown>>,
): HoldfastError {
  return new HoldfastError("sandbox", code, detail, {
    statusCode,
    ...(extensions === undefined ? {} : { metadata: extensions }),
  });
}

/** Creates an `invalid_request` error. */
export function invalid(detail: string, statusCode = 400): HoldfastError {
  return problem("invalid_request", statusCode, detail);
}

/** Serializes `error` as problem details. */
function problemText(error: HoldfastError): string {
  const prefix = sdkProblemTypes.has(error.code) ? "urn:sandbox-agent:error:" : "urn:holdfast:error:";
  const { metadata, ...fields } = toProblem(error, prefix);
  const extensions = isRecord(metadata) ? metadata : {};
  const details = typesWithDetailMessage.has(error.code)
    ? { details: { message: fields.detail, ...(isRecord(extensions.details) ? extensions.details : {}) } }
    : {};
  return JSON.stringify({ ...extensions, ...details, ...fields, title: problemTitle(error, fields.title) });
}

/** `invalid_request` covers several statuses; the title tells them apart. */
function problemTitle(error: HoldfastError, title: string): string {
  if (error.statusCode === 413) return "Payload Too Large";
  return error.statusCode === 404 && error.code === "invalid_request" ? "Not Found" : title;
}

/** Sends `error` as problem details. */
export function sendProblem(response: ServerResponse, error: HoldfastError): void {
  const body = problemText(error);
  response.writeHead(error.statusCode, {
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

/** Returns a raw HTTP response that refuses an upgrade, which has no ServerResponse. */
export function problemResponseText(error: HoldfastError): string {
  const body = problemText(error);
  const reason = STATUS_CODES[error.statusCode] ?? "Error";
  return [
    `HTTP/1.1 ${error.statusCode} ${reason}`,
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
