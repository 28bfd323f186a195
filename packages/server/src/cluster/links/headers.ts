import type { IncomingHttpHeaders } from "node:http";

/** Headers of requests between nodes, beside those of the client. */
export const linkHeader = {
  /** What a stream carries; see {@link LinkKind}. */
  kind: "x-holdfast-link",
  /** Address of the client that sent the request. */
  peer: "x-holdfast-link-peer",
  /** The sender's revision of the leases. */
  revision: "x-holdfast-link-revision",
  /** Set if the body is sent only after an interim response with status 100. */
  waits: "x-holdfast-link-waits",
  /** Set on a response of user code, to which the gateway adds no headers. */
  raw: "x-holdfast-link-raw",
} as const;

/**
 * - `request`: a request of a client.
 * - `internal`: a request of an actor, or of the program itself, which no hook checks.
 * - `socket`, `internal-socket`: as above, for a WebSocket; the stream carries HTTP/1.1.
 * - `hello`, `proof`: the handshake.
 * - `revision`: the leases have changed.
 */
export type LinkKind = "request" | "internal" | "socket" | "internal-socket" | "hello" | "proof" | "revision";

/** Status of a node that does not serve the actor: 421 Misdirected Request. */
export const misdirected = 421;

/** Headers of one connection, which do not cross a link. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Headers of a client's request or a response, as a link carries them. */
export function endToEnd(headers: Iterable<readonly [string, string]>): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    if (hopByHop.has(name) || name.startsWith("x-holdfast-link") || name.startsWith(":")) continue;
    const before = kept[name];
    kept[name] = before === undefined ? value : [before, value].flat();
  }
  return kept;
}

/** Headers of a response, as `Response` takes them. */
export function responseHeaders(kept: Readonly<Record<string, string | string[]>>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(kept)) {
    for (const each of [value].flat()) headers.append(name, each);
  }
  return headers;
}

/** Name and value pairs, repetitions included, without the pseudo-headers of HTTP/2. */
export function* headerPairs(headers: IncomingHttpHeaders): Generator<readonly [string, string]> {
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    for (const each of Array.isArray(value) ? value : [value]) yield [name, each];
  }
}
