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
  /** Id of the call whose answer a stream of kind `answer` fetches. */
  call: "x-holdfast-link-call",
  /** Set on a response of user code, to which the gateway adds no headers. */
  raw: "x-holdfast-link-raw",
  /** Id of the node to which a stream of kind `relay` leads. */
  node: "x-holdfast-link-node",
  /** Status text of such a response, which HTTP/2 does not carry. */
  statusText: "x-holdfast-link-status-text",
} as const;

/**
 * - `request`: a request of a client.
 * - `internal`: a request of an actor, or of the program itself, which no hook checks.
 * - `socket`, `internal-socket`: as above, for a WebSocket; the stream carries HTTP/1.1.
 * - `program`: HTTP/1.1 of the program with itself.
 * - `calls`: small requests and their responses, as frames; `answer`: one of these responses that is long.
 * - `hello`, `proof`: the handshake.
 * - `wakeup`: says where to look again.
 * - `actors`: asks about the actors in the other node's memory.
 * - `reverse`: carries links to the sender, which does not listen; `relay`: carries a link to a third node, to which
 *   the receiver opens a `carrier`.
 * - `reach`: asks whether the other node reaches this one at the address of the body.
 */
export type LinkKind =
  | ("request" | "internal" | "socket" | "internal-socket")
  | "program"
  | ("calls" | "answer")
  | ("hello" | "proof")
  | ("reverse" | "relay" | "carrier")
  | ("wakeup" | "actors" | "reach");

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

/** Status text of a response that a link carries. */
export function statusTextOf(headers: Readonly<Record<string, string | string[] | undefined>>): string {
  return String(headers[linkHeader.statusText] ?? "");
}

/** Name and value pairs, repetitions included, without the pseudo-headers of HTTP/2. */
export function* headerPairs(
  headers: IncomingHttpHeaders | Readonly<Record<string, string | string[] | undefined>>,
): Generator<readonly [string, string]> {
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    for (const each of Array.isArray(value) ? value : [value]) yield [name, each];
  }
}
