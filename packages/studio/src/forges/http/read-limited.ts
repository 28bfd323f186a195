import { HoldfastError } from "@holdfast/core";

/** Reads a body as text. Throws `forge.invalid_response` when it is longer than `maxBytes`. */
export async function readLimited(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (size > maxBytes) {
      const message = `The forge's answer exceeds ${maxBytes} bytes. Check the address of the API.`;
      throw new HoldfastError("forge", "invalid_response", message, { statusCode: 502 });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
