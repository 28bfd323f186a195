import type { Socket } from "node:net";
import { HoldfastError } from "@holdfast/core";
import { refusalBody } from "./refusal-body.ts";

export function refusal(code: string, status: number, message: string): HoldfastError {
  return new HoldfastError("egress", code, message, { statusCode: status });
}

/** Answers where there is no response to write to: a request that could not be read, or asked for a tunnel. */
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
