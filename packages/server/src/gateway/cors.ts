import { header } from "@holdfast/client";
import type { Exchange } from "./http/exchange.ts";

/** What a browser has to be told so that a page of this origin, which has been checked, gets the answer. */
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
 * Answers a CORS preflight; the origin has been checked. Any header may be sent: hooks look at those that a
 * client was given. So may any method to a request for user code (`isRaw`): what it takes is its own affair.
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
