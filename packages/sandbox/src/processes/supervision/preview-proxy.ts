import type { IncomingMessage, RequestOptions, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { request } from "../../internal/node-http.ts";

/** The cookie that lets a browser into a preview. The program never sees it, and cannot set it. */
export const previewCookie = "holdfast_preview";

/** Hop-by-hop headers, which a proxy does not forward (RFC 9110, section 7.6.1). */
const hopHeaders = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** A listening port, and the way to it. */
export interface PreviewedPort {
  readonly port: number;
  /** Address of the listener, or a function that opens a connection to it. */
  readonly connection: Pick<RequestOptions, "host" | "port" | "createConnection">;
  /** Changes the headers of a response before they are sent. */
  readonly changeHeaders?: (headers: Record<string, string | string[]>, request: IncomingMessage) => void;
}

/** Forwards a request to the program as in a direct call: without the cookie of the preview. */
export function forwardRequest(
  target: PreviewedPort,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  const outgoing = request(
    {
      ...target.connection,
      method: incoming.method,
      path: incoming.url,
      headers: requestHeaders(target, incoming),
      ...agentOf(target),
    },
    (upstream) => {
      response.writeHead(upstream.statusCode ?? 502, responseHeaders(target, upstream, incoming));
      upstream.pipe(response);
      upstream.on("error", () => response.destroy());
    },
  );
  outgoing.on("error", () => {
    if (response.headersSent) response.destroy();
    else refusePreview(response, 502, "nothing is listening on the port");
  });
  response.once("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

/** Forwards a WebSocket upgrade, or the program's plain response to it. */
export function forwardUpgrade(
  target: PreviewedPort,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const outgoing = request({
    ...target.connection,
    method: incoming.method,
    path: incoming.url,
    headers: { ...requestHeaders(target, incoming), connection: "Upgrade", upgrade: "websocket" },
    ...agentOf(target),
  });
  outgoing.once("upgrade", (answer, upstream, first) => {
    upstream.on("error", () => socket.destroy());
    upstream.once("close", () => socket.destroy());
    socket.once("close", () => upstream.destroy());
    const headers = responseHeaders(target, answer, incoming);
    socket.write(formatHead(answer, headers, ["connection: Upgrade", "upgrade: websocket"]));
    socket.write(first);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
  });
  outgoing.once("response", (answer) => {
    socket.write(formatHead(answer, responseHeaders(target, answer, incoming), ["connection: close"]));
    answer.pipe(socket);
    answer.on("error", () => socket.destroy());
  });
  outgoing.on("error", () => socket.destroy());
  socket.once("close", () => outgoing.destroy());
  outgoing.end();
}

/** Answers a request for a previewed port in plain text, in place of its program. */
export function refusePreview(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
  response.end(`${text}\n`);
}

/** The cookies of a request as pairs. */
export function parseCookies(incoming: IncomingMessage): string[] {
  return (incoming.headers.cookie ?? "").split(/; */).filter(Boolean);
}

/** An agent would open the connection itself. */
function agentOf({ connection }: PreviewedPort): { readonly agent?: false } {
  return connection.createConnection === undefined ? { agent: false } : {};
}

/** Formats the head of an HTTP/1.1 response. */
function formatHead(
  { statusCode, statusMessage }: IncomingMessage,
  headers: Readonly<Record<string, string | string[]>>,
  more: readonly string[],
): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((each) => `${name}: ${each}`),
  );
  return `${[`HTTP/1.1 ${statusCode} ${statusMessage}`, ...more, ...lines].join("\r\n")}\r\n\r\n`;
}

/** Returns the response headers of the program that are forwarded. */
function responseHeaders(
  target: PreviewedPort,
  answer: IncomingMessage,
  incoming: IncomingMessage,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value === undefined || hopHeaders.has(name)) continue;
    headers[name] = name === "set-cookie" ? [value].flat().flatMap(restrictCookie) : value;
  }
  target.changeHeaders?.(headers, incoming);
  return headers;
}

/** Removes the domain of a cookie of the program, and drops one that would replace the access cookie. */
function restrictCookie(cookie: string): string[] {
  const [pair = "", ...attributes] = cookie.split(";");
  if (pair.split("=", 1)[0]?.trim().toLowerCase() === previewCookie) return [];
  return [[pair, ...attributes.filter((each) => !/^\s*domain\s*(?:=|$)/i.test(each))].join(";")];
}

function requestHeaders(
  { port }: PreviewedPort,
  incoming: IncomingMessage,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined && !hopHeaders.has(name)) headers[name] = value;
  }
  headers.host = `localhost:${port}`;
  const cookies = parseCookies(incoming).filter((cookie) => !cookie.startsWith(`${previewCookie}=`));
  if (cookies.length > 0) headers.cookie = cookies.join("; ");
  else delete headers.cookie;
  return headers;
}
