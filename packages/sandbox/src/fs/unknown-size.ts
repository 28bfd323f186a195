import type { FileHandle } from "node:fs/promises";
import type { Exchange } from "../http/exchange.ts";
import { operationFailed } from "./failures.ts";

/** Largest file whose size the system does not tell: its content is read before the answer begins. */
const maxBytes = 16 * 1_048_576;
const chunkBytes = 64 * 1024;

/**
 * Answers what the system makes as it is read, as below /proc and /sys: the size that it tells is not
 * that of the content, and the validators say nothing, so that the answer is whole and has none.
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
    if (size > maxBytes) throw operationFailed(`the file tells no size, and has more than ${maxBytes} bytes`);
  }
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size });
  response.end(request.method === "HEAD" ? undefined : Buffer.concat(chunks, size));
}
