import { header } from "@holdfast/client";
import type { Exchange } from "./http/exchange.ts";

/** CORS headers for a response to a page of another origin, which has been checked. */
export function corsHeaders(origin: string, credentials: boolean): Readonly<Record<string, string>> {
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": `${header.error}, x-holdfast-actor`,
    ...(credentials ? { "access-control-allow-credentials": "true" } : {}),
    vary: "origin",
  };
}

const ownMethods = "GET, PUT, POST, DELETE";
const ownHeaders = [
  "content-type",
  "accept",
  header.idempotencyKey,
  header.params,
  header.encoding,
  header.token,
  header.skipReadyWait,
  header.requestOrigin,
  "traceparent",
  "tracestate",
].join(", ");

/**
 * Answers a CORS preflight; the origin has been checked. All headers are allowed, because hooks may read those that a
 * client was configured with. For user code (`isRaw`) all methods are allowed, too.
 */
export function preflight(
  exchange: Exchange,
  isRaw: boolean,
  headers: Readonly<Record<string, string>>,
): void {
  const method = isRaw ? exchange.header("access-control-request-method") : undefined;
  const asked = exchange.header("access-control-request-headers");
  exchange.reply(
    204,
    {
      ...headers,
      "access-control-allow-methods": method ?? ownMethods,
      "access-control-allow-headers": asked ?? ownHeaders,
      "access-control-max-age": "600",
    },
    undefined,
  );
}
