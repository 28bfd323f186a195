import type { IncomingMessage } from "node:http";
import { HoldfastError } from "@holdfast/core";

/** Reads a complete request body. Throws `message.incoming_too_long`. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new HoldfastError("message", "incoming_too_long", "The body is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
