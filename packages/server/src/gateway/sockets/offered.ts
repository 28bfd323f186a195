import type { IncomingMessage } from "node:http";
import { header, tokenPrefix } from "@holdfast/client";

/** The subprotocols that a client offers. */
export function protocolsOf(request: IncomingMessage): readonly string[] {
  const offered = request.headers["sec-websocket-protocol"];
  return offered === undefined ? [] : offered.split(",").map((protocol) => protocol.trim());
}

/** The token among the subprotocols, because browsers cannot send headers with a WebSocket. */
export function offeredToken(request: IncomingMessage): string | undefined {
  const token = protocolsOf(request).find((each) => each.startsWith(tokenPrefix));
  return token === undefined
    ? undefined
    : Buffer.from(token.slice(tokenPrefix.length), "base64url").toString();
}

/** The token of a client: a header or, from browsers, a subprotocol. */
export function tokenOf(request: IncomingMessage): string | undefined {
  const known = request.headers[header.token];
  return typeof known === "string" ? known : offeredToken(request);
}
