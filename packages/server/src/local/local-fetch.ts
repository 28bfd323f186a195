import { HoldfastError } from "@holdfast/core";
import { decodedAsByFetch } from "../gateway/http/content-decoding.ts";

/** Redirect status codes: https://fetch.spec.whatwg.org/#redirect-status. */
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Limit of `fetch`. */
const maxRedirects = 20;

/** Headers that describe a body, and headers that must not go to another origin. */
const ofBody = ["content-encoding", "content-language", "content-location", "content-type", "content-length"];
const confidential = ["authorization", "proxy-authorization", "cookie", "host"];

/** How requests are sent, within this process and outside. */
export interface LocalServers {
  /** The base URL of the actor's paths for callers over a network; without a trailing slash. */
  readonly base: string;
  /** Sends a request to the actor; `path` begins with a slash. */
  ask(path: string, init: RequestInit): Promise<Response>;
  /** Sends a request elsewhere. */
  elsewhere(url: string, init: RequestInit): Promise<Response>;
}

/**
 * Sends a request to an actor in this process as `fetch` does over a network: redirects are followed unless
 * `init.redirect` says otherwise, compressed bodies are decoded, and the response has its URL. Throws
 * `client.network_error` where `fetch` would fail.
 */
export async function fetchLocally(path: string, init: RequestInit, places: LocalServers): Promise<Response> {
  let url = `${places.base}${path}`;
  let own = init;
  for (let hops = 0; ; hops++) {
    const response = await places.ask(url.slice(places.base.length), own);
    const location = redirects.has(response.status) ? response.headers.get("location") : null;
    if (location === null || init.redirect === "manual") {
      return cameFrom(decodedAsByFetch(response), url, hops > 0);
    }
    await response.body?.cancel();
    if (init.redirect === "error") throw failed("redirects are not to be followed");
    if (hops === maxRedirects) throw failed("there are too many redirects");
    const next = URL.parse(location, url);
    if (next === null) throw failed(`"${location}" is not a URL`);
    next.hash = "";
    own = sentOn(own, response.status);
    if (!next.href.startsWith(`${places.base}/`)) return away(next, url, own, places);
    url = next.href;
  }
}

async function away(next: URL, from: string, init: RequestInit, places: LocalServers): Promise<Response> {
  const headers = new Headers(init.headers);
  if (next.origin !== new URL(from).origin) for (const name of confidential) headers.delete(name);
  try {
    const response = await places.elsewhere(next.href, { ...init, headers });
    return cameFrom(response, response.url, true);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw failed(`${next.origin} cannot be reached`, cause);
  }
}

/** The next request: https://fetch.spec.whatwg.org/#http-redirect-fetch, steps 12 and 13. */
function sentOn(init: RequestInit, status: number): RequestInit {
  const method = init.method ?? "GET";
  const isRead = method === "GET" || method === "HEAD";
  if ((status === 303 && !isRead) || (status < 303 && method === "POST")) {
    const headers = new Headers(init.headers);
    for (const name of ofBody) headers.delete(name);
    return { ...init, method: "GET", body: null, headers };
  }
  if (init.body instanceof ReadableStream) throw failed("its body is a stream, which cannot be sent again");
  return init;
}

/** Sets the URL of a response, which no constructor accepts. */
function cameFrom(response: Response, url: string, redirected: boolean): Response {
  return Object.defineProperties(response, { url: { value: url }, redirected: { value: redirected } });
}

function failed(why: string, cause?: unknown): HoldfastError {
  const message = `The response of the actor is a redirect, and ${why}`;
  return new HoldfastError("client", "network_error", message, { cause });
}
