import { serverLimits } from "../limits.ts";

/** Reads a little ahead, as network buffers do: a short response that nobody reads does not keep its actor awake. */
export function readAhead(response: Response): Response {
  const { body, status, statusText, headers } = response;
  if (body === null) return response;
  const size = new ByteLengthQueuingStrategy({ highWaterMark: serverLimits.readAheadBytes });
  const ahead = body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({}, size, size));
  return new Response(ahead, { status, statusText, headers });
}
