import type { FileHandle } from "node:fs/promises";
import type { Exchange } from "../http/exchange.ts";
import { operationFailed } from "./failures.ts";

/** Largest file of unknown size: its content is buffered before the answer begins. */
const maxBytes = 16 * 1_048_576;
const chunkBytes = 64 * 1024;

/**
 * Sends a file that the kernel generates on read, as below /proc and /sys. Its reported size and times do not describe
 * the content, so the response is always complete and has no validators.
 */
export async function sendFileOfUnknownSize(
  { request, response }: Exchange,
  file: FileHandle,
): Promise<void> {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    size += bytesRead;
    if (size > maxBytes) throw operationFailed(`the file has no known size and exceeds ${maxBytes} bytes`);
  }
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size });
  response.end(request.method === "HEAD" ? undefined : Buffer.concat(chunks, size));
}
