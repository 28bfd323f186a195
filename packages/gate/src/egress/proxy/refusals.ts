import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import type { EgressProvider } from "../egress.ts";
import { refusalBody } from "./refusal-body.ts";

/** An error of the egress proxy: `egress.<code>`. */
export function refusal(code: string, status: number, message: string): HoldfastError {
  return new HoldfastError("egress", code, message, { statusCode: status });
}

/**
 * Answers a failed request in the wire format of its provider, or aborts a response that has started. Discards up to
 * `maxDiscardBytes` of the remaining body, so that the client can read the response.
 */
export function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  provider: EgressProvider,
  maxDiscardBytes: number,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const typed = isHoldfastError(error)
    ? error
    : refusal("internal_error", 500, "The request could not be forwarded");
  const body = refusalBody(typed, provider);
  // After a request whose end is in doubt, the next bytes may be anything. A header that is set here can be read back.
  if (typed.statusCode === 400 || typed.statusCode === 413) response.setHeader("connection", "close");
  response.writeHead(typed.statusCode, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...retryAfter(typed),
    "x-should-retry": String(isRetriable(typed)),
  });
  response.end(body);
  let discarded = 0;
  request.on("data", (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > maxDiscardBytes) request.destroy();
  });
}

function retryAfter({ metadata }: HoldfastError): { "retry-after"?: string } {
  const seconds: unknown = Reflect.get(Object(metadata), "retryAfter");
  return typeof seconds === "number" ? { "retry-after": String(seconds) } : {};
}

/** Model clients retry many statuses by themselves: a decision does not change, nor does a rate that never refills. */
function isRetriable(error: HoldfastError): boolean {
  if (error.statusCode !== 429) return error.statusCode >= 500;
  return error.code !== "rate_limited" || retryAfter(error)["retry-after"] !== undefined;
}

/** Writes a refusal to a socket without a response object: a malformed request, or a CONNECT. */
export function writeRawRefusal(socket: Socket, error: HoldfastError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = refusalBody(error);
  socket.end(
    `HTTP/1.1 ${error.statusCode} Refused\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
