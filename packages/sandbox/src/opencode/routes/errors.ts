import type { ServerResponse } from "node:http";
import type { HoldfastError } from "@holdfast/core";
import { problem } from "../../http/problem.ts";

const names: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFoundError",
  409: "Conflict",
};

/**
 * Sends an error in all formats of OpenCode's clients: `errors` as the peer does, `name` and `data` for versions 1 and
 * 2 of the SDK.
 */
export function sendWireError(response: ServerResponse, error: HoldfastError): void {
  const status = error.statusCode === 422 ? 400 : error.statusCode;
  const { message, code } = error;
  const body = JSON.stringify({
    name: names[status] ?? "UnknownError",
    data: { message, code },
    errors: [{ message }],
  });
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

/** Creates a `not_found` error. */
export function notFound(what: string, id: string): HoldfastError {
  return problem("not_found", 404, `there is no ${what} "${id}"`, { details: { id, resource: what } });
}
