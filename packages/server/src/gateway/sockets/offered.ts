import type { IncomingMessage } from "node:http";
import { header, tokenPrefix } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";

/** The subprotocols that a client offers. */
export function protocolsOf(request: IncomingMessage): readonly string[] {
  const offered = request.headers["sec-websocket-protocol"];
  return offered === undefined ? [] : offered.split(",").map((protocol) => protocol.trim());
}

/** A version of the protocol of connections, whichever it is. */
const anyVersion = /^holdfast\.v(\d+)$/;

/**
 * The subprotocol that an upgrade is answered with: that of this server, or else the version that was offered, since a
 * browser hides the reason of a refusal behind an upgrade that selects none.
 */
export function selectProtocol(offered: ReadonlySet<string>, own: string): string | false {
  if (offered.has(own)) return own;
  return [...offered].find((protocol) => anyVersion.test(protocol)) ?? false;
}

/** The refusal of a client that does not offer the subprotocol of this server. */
export function unsupportedProtocol(offered: readonly string[], own: string): HoldfastError {
  const theirs = versionIn(offered);
  const ours = versionIn([own]);
  const message =
    theirs === undefined || ours === undefined
      ? `Offer the subprotocol ${own}`
      : `Protocol ${theirs} of the client, ${ours} of this server: update the ${theirs > ours ? "server" : "client"}`;
  return new HoldfastError("gateway", "unsupported_protocol", message, { statusCode: 400 });
}

function versionIn(protocols: readonly string[]): number | undefined {
  const versions = protocols.flatMap((protocol) => anyVersion.exec(protocol)?.[1] ?? []);
  return versions.length === 0 ? undefined : Number(versions[0]);
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
