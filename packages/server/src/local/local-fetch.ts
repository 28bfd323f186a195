import { HoldfastError } from "@holdfast/core";
import { decodedAsByFetch } from "../gateway/http/content-decoding.ts";

/** Sends on to another place: https://fetch.spec.whatwg.org/#redirect-status. */
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** As `fetch` has it. */
const maxRedirects = 20;

/** Headers that speak of a body, and those that are nobody else's business. */
const ofBody = ["content-encoding", "content-language", "content-location", "content-type", "content-length"];
const confidential = ["authorization", "proxy-authorization", "cookie", "host"];

/** Who answers in this process, and who does not. */
export interface LocalServers {
  /** Where the paths of the actor begin for callers over a network; without a slash at its end. */
  readonly base: string;
  /** Asks the actor; `path` begins with a slash. */
  ask(path: string, init: RequestInit): Promise<Response>;
  /** Asks somebody else. */
  elsewhere(url: string, init: RequestInit): Promise<Response>;
}

/**
 * Asks an actor in this process as `fetch` does over a network: an answer that sends on is followed unless
 * `init.redirect` says otherwise, what is compressed is decoded, and the answer knows where it came from.
 * Throws `client.network_error` where `fetch` would fail.
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
    if (init.redirect === "error") throw failed("it was not to be followed");
    if (hops === maxRedirects) throw failed("it goes on without an end");
    const next = URL.parse(location, url);
    if (next === null) throw failed(`"${location}" is no URL`);
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

/** What is asked next: https://fetch.spec.whatwg.org/#http-redirect-fetch, steps 12 and 13. */
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

/** Where a response came from is known to whoever fetched it alone: no constructor takes it. */
function cameFrom(response: Response, url: string, redirected: boolean): Response {
  return Object.defineProperties(response, { url: { value: url }, redirected: { value: redirected } });
}

function failed(why: string, cause?: unknown): HoldfastError {
  const message = `The answer of the actor sends the request on, and ${why}`;
  return new HoldfastError("client", "network_error", message, { cause });
}
