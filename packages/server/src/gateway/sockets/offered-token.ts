import type { IncomingMessage } from "node:http";
import { header, tokenPrefix } from "@holdfast/client";

/** The token among the subprotocols, because browsers cannot send headers with a WebSocket. */
export function offeredToken(request: IncomingMessage): string | undefined {
  const offered = request.headers["sec-websocket-protocol"]?.split(",") ?? [];
  const token = offered.map((each) => each.trim()).find((each) => each.startsWith(tokenPrefix));
  return token === undefined
    ? undefined
    : Buffer.from(token.slice(tokenPrefix.length), "base64url").toString();
}

/** The token of a client: a header or, from browsers, a subprotocol. */
export function tokenOf(request: IncomingMessage): string | undefined {
  const known = request.headers[header.token];
  return typeof known === "string" ? known : offeredToken(request);
}
