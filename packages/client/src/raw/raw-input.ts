import { rawPath } from "../network/address.ts";
import type { SkipReadyWait } from "../types.ts";

/** Normalized arguments of `handle.fetch`. */
export interface RawInput {
  /** Path and query, starting with a slash. */
  readonly path: string;
  /** Origin of a URL or Request. The actor sees it, whichever server carries the request. */
  readonly origin: string | undefined;
  readonly init: RequestInit;
  readonly skipReadyWait: boolean | undefined;
  /** True when the body can be sent a second time. */
  readonly repeatable: boolean;
}

/** https://fetch.spec.whatwg.org/#forbidden-method. */
const forbiddenMethods: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Recognizes requests by their members: those of another realm or library are not `instanceof Request`. */
export function readRawInput(input: string | URL | Request, options: RequestInit & SkipReadyWait): RawInput {
  const { skipReadyWait, ...rest } = options;
  // A spread misses the members of a Request, which are getters of its prototype.
  const explicit = isRequest(options) ? requestInit(options) : rest;
  if (!isRequest(input)) {
    const repeatable = !(explicit.body instanceof ReadableStream);
    const origin = input instanceof URL ? originOf(input.href) : undefined;
    return { path: rawPath(input), origin, init: checkInit(explicit), skipReadyWait, repeatable };
  }
  const inherited = explicit.body == null ? requestInit(input) : requestInit(input, false);
  const headers = new Headers(inherited.headers);
  for (const [name, value] of new Headers(explicit.headers)) headers.set(name, value);
  const init = checkInit({ ...inherited, ...explicit, headers });
  const repeatable = !(init.body instanceof ReadableStream);
  return { path: rawPath(input.url), origin: originOf(input.url), init, skipReadyWait, repeatable };
}

/** Refuses what `fetch` refuses, for every driver alike. Methods are upper-case on the wire. */
function checkInit(init: RequestInit): RequestInit {
  const method = init.method?.toUpperCase() ?? "GET";
  if (forbiddenMethods.has(method)) throw new TypeError(`The HTTP method "${method}" is not supported`);
  if ((method === "GET" || method === "HEAD") && init.body != null) {
    throw new TypeError("A GET or HEAD request cannot have a body");
  }
  return init.method === undefined ? init : { ...init, method };
}

function isRequest(value: unknown): value is Request {
  if (typeof value !== "object" || value === null) return false;
  return ["url", "method"].every((name) => typeof Reflect.get(value, name) === "string");
}

function requestInit(request: Request, withBody = true): RequestInit {
  const { method, headers, body, signal, redirect, credentials } = request;
  const own: RequestInit = { method, headers, signal, redirect, credentials };
  if (!withBody || body === null) return own;
  if (request.bodyUsed) throw new TypeError("The body of this Request was read already");
  return { ...own, body };
}

function originOf(url: string): string | undefined {
  const { protocol, origin } = new URL(url);
  return protocol === "http:" || protocol === "https:" ? origin : undefined;
}
