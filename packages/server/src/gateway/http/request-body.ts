import { contentType, decode } from "@holdfast/client";
import { HoldfastError, limits } from "@holdfast/core";
import type { Exchange } from "./exchange.ts";

/** The body of a request as an object; empty without a body. Throws `gateway.unsupported_content_type`, `message.*`. */
export function bodyOf(
  exchange: Exchange,
  encoding: "cbor" | "json" | undefined,
  body: Uint8Array,
): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {};
  if (encoding === undefined) {
    const message = `Set the content type of the body: ${contentType.json} or ${contentType.cbor}`;
    throw new HoldfastError("gateway", "unsupported_content_type", message, { statusCode: 415 });
  }
  // CBOR overhead around the arguments: the map of the body and their array.
  const value = decode(encoding, body, limits.maxDepth + 2);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new HoldfastError("message", "malformed_request", `The body of ${exchange.url} is not an object`);
}

/** The arguments of a call. Throws `message.malformed_request`. */
export function argsOf(body: Readonly<Record<string, unknown>>): readonly unknown[] {
  const args = body["args"] ?? [];
  if (Array.isArray(args)) return args;
  throw new HoldfastError("message", "malformed_request", "`args` is not an array");
}
