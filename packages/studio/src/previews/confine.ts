import type { IncomingMessage } from "node:http";

/** Where a preview is, and who may show it. */
export interface PreviewPlace {
  readonly port: number;
  readonly origin: string;
  readonly studioOrigin: string;
}

/**
 * Headers of the program that a browser must not get: some make it send reports or open connections to any server, the
 * others concern the page around the frame.
 */
const dropped = [
  "alt-svc",
  "clear-site-data",
  "content-security-policy",
  "content-security-policy-report-only",
  "link",
  "nel",
  "refresh",
  "report-to",
  "reporting-endpoints",
  "sourcemap",
  "speculation-rules",
  "x-frame-options",
  "x-sourcemap",
] as const;

/**
 * Policy of every page of a preview. The jail has no network of its own, and the browser in which its page is shown must
 * not be one: the page reaches its own origin, and nothing else. Where its frame may go, the Studio's policy says.
 */
export function pagePolicy({ origin, studioOrigin }: Omit<PreviewPlace, "port">): string {
  const socket = origin.replace(/^http/, "ws");
  return [
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:",
    `connect-src 'self' ${socket} data: blob:`,
    "form-action 'self'",
    "base-uri 'self'",
    `frame-ancestors 'self' ${studioOrigin}`,
    "webrtc 'block'",
  ].join("; ");
}

/**
 * True for the script of a service worker. It could answer the requests of its page itself, with pages that have no policy.
 */
export function isServiceWorker({ headers }: Pick<IncomingMessage, "headers">): boolean {
  return headers["service-worker"] !== undefined;
}

/** The request as the program would get it from its own address. */
export function confineRequest(incoming: IncomingMessage, { origin, port }: PreviewPlace): void {
  const { headers } = incoming;
  if (headers.origin === origin) headers.origin = `http://localhost:${port}`;
  if (headers.referer?.startsWith(`${origin}/`) === true)
    headers.referer = `http://localhost:${port}${headers.referer.slice(origin.length)}`;
}

/** Changes the headers of the program's response: see {@link pagePolicy}. */
export function confineResponse(headers: Record<string, string | string[]>, place: PreviewPlace): void {
  for (const name of dropped) delete headers[name];
  headers["content-security-policy"] = pagePolicy(place);
  headers["x-dns-prefetch-control"] = "off";
  const { location } = headers;
  if (typeof location === "string") headers["location"] = localLocation(location, place);
  const cookies = headers["set-cookie"];
  if (cookies !== undefined) headers["set-cookie"] = [cookies].flat().map(frameCookie);
}

/** A redirect of the program to itself, by an address of its own, stays in the preview. */
function localLocation(location: string, { port, origin }: PreviewPlace): string {
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (url === undefined || !["localhost", "127.0.0.1", "[::1]"].includes(url.hostname)) return location;
  if (url.port !== String(port)) return location;
  return `${origin}${url.pathname}${url.search}${url.hash}`;
}

/** A cookie of the program, with which the browser works in a frame of another site. */
function frameCookie(cookie: string): string {
  const kept = cookie
    .split(";")
    .filter((each, at) => at === 0 || !/^\s*(?:samesite|secure|partitioned)\s*(?:=|$)/i.test(each));
  return [...kept, " Secure", " SameSite=None", " Partitioned"].join(";");
}
