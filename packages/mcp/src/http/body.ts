import { HoldfastError } from "@holdfast/core";
import { mcpLimits } from "../limits.ts";

/** Reads the body as JSON. Throws `mcp.request_too_large`, `mcp.invalid_request`. */
export async function readJson(request: Request): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > mcpLimits.maxRequestBytes) {
      const message = `A request has at most ${mcpLimits.maxRequestBytes} bytes`;
      throw new HoldfastError("mcp", "request_too_large", message, { statusCode: 413 });
    }
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new HoldfastError("mcp", "invalid_request", "The body is not JSON", { statusCode: 400 });
  }
}
