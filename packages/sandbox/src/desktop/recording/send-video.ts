import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { Exchange } from "../../http/exchange.ts";

/** Sends a video, as far as it has been written. */
export async function sendVideo({ request, response, signal }: Exchange, path: string): Promise<void> {
  const { size } = await stat(path);
  response.writeHead(200, { "content-type": "video/mp4", "content-length": size });
  if (request.method === "HEAD" || size === 0) {
    response.end();
    return;
  }
  await pipeline(createReadStream(path, { end: size - 1 }), response, { signal }).catch((error: unknown) => {
    // A client that leaves in the middle is no failure.
    if (!signal.aborted) throw error;
  });
}
